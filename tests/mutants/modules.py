"""Mutants of chapter modules: what is right for most modules, and wrong for some class of torch.nn."""

from mutants import Mutant

_PUT_IN = "                owner.stores[slot.home][slot.key] = slot.given\n"
_BACK = "        swap.put_back()\n"


def _giving(condition, instead):
    """A given tensor of which the condition is true is put in as something else."""
    return (
        (
            _PUT_IN,
            f"                if isinstance(slot.given, Tensor) and {condition}:\n"
            f"                    slot.given = {instead}\n{_PUT_IN}",
        ),
    )


MUTANTS = [
    Mutant(
        "projections of recurrent modules keep their own values",
        ("swap.recurrent", "modules.forward", "modules.gradient"),
        _giving("slot.key.startswith('weight_hr')", "slot.old"),
    ),
    Mutant(
        "every class has the same weight in a likelihood",
        ("modules.forward",),
        _giving("isinstance(owner.module, nn.NLLLoss)", "torch.ones_like(slot.given)"),
    ),
    Mutant(
        "gradients stop at the projections of attention",
        ("modules.gradient",),
        _giving(
            "slot.key == 'in_proj_weight' and slot.given.requires_grad", "slot.given.detach().requires_grad_(True)"
        ),
    ),
    Mutant(
        "statistics of instance norms are copies",
        ("modules.buffers",),
        _giving(
            "isinstance(owner.module, nn.modules.instancenorm._InstanceNorm) and slot.home == _BUFFERS",
            "slot.given.clone()",
        ),
    ),
    Mutant(
        "what a renormalising embedding holds is left in it",
        ("modules.restore",),
        (
            (
                _BACK,
                "        kept = [\n"
                "            (owner.module, swap.names[name][2])\n"
                "            for owner in swap.owners.values()\n"
                "            for name in swap.names\n"
                "            if isinstance(owner.module, nn.Embedding) and owner.module.max_norm\n"
                "        ]\n"
                f"{_BACK}"
                "        for embedding, value in kept:\n"
                "            embedding._parameters['weight'] = value\n",
            ),
        ),
    ),
]
