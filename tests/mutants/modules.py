"""Mutants of chapter modules: what is right for most modules, and wrong for some class of torch.nn."""

from mutants import mutant
from mutants._changes import After, Before
from mutants._common import given_becomes

MUTANTS = [
    mutant(
        "projections of recurrent modules keep their own values",
        ("swap.recurrent", "modules.forward", "modules.gradient"),
        given_becomes("slot.key.startswith('weight_hr')", "slot.old"),
    ),
    mutant(
        "every class has the same weight in a likelihood",
        ("modules.forward",),
        given_becomes("isinstance(owner.module, nn.NLLLoss)", "torch.ones_like(slot.given)"),
    ),
    mutant(
        "gradients stop at the projections of attention",
        ("modules.gradient",),
        given_becomes(
            "slot.key == 'in_proj_weight' and slot.given.requires_grad", "slot.given.detach().requires_grad_(True)"
        ),
    ),
    mutant(
        "statistics of instance norms are copies",
        ("modules.buffers",),
        given_becomes(
            "isinstance(owner.module, nn.modules.instancenorm._InstanceNorm) and slot.home == _BUFFERS",
            "slot.given.clone()",
        ),
    ),
    mutant(
        "what a renormalising embedding holds is left in it",
        ("modules.restore",),
        Before(
            "functional_call",
            "swap.put_back()",
            """
            kept = [
                (owner.module, swap.names[name][2])
                for owner in swap.owners.values()
                for name in swap.names
                if isinstance(owner.module, nn.Embedding) and owner.module.max_norm
            ]
            """,
        ),
        After(
            "functional_call",
            "swap.put_back()",
            """
            for embedding, value in kept:
                embedding._parameters["weight"] = value
            """,
        ),
    ),
]
