"""An address is read, and what is found there is imported and tried; what is no target is refused in one line."""

import os

import pytest
import torch
from fcspec.errors import UsageError
from fcspec.target import preflight
from fcspec.target.address import Address
from fcspec.target.trial import Trial

REFERENCE = Address.parse("reference")


# ---------------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "place", "attribute", "is_file"),
    [
        ("torch", "torch.func", "functional_call", False),
        ("reference", "fcspec_reference", "functional_call", False),
        ("package.module:function", "package.module", "function", False),
        ("module:Class.method", "module", "Class.method", False),
        ("path/to/file.py:function", "path/to/file.py", "function", True),
        ("C:/file.py:function", "C:/file.py", "function", True),
    ],
)
def test_an_address_is_read(text, place, attribute, is_file):
    address = Address.parse(text)

    assert (address.place, address.attribute, address.is_file) == (place, attribute, is_file)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("text", ["", ":", "torch.func.functional_call", "module:", ":function"])
def test_what_has_none_of_the_forms_is_refused_with_all_of_them(text):
    with pytest.raises(UsageError) as refused:
        Address.parse(text)

    assert str(refused.value).startswith(f"{text!r} is no target; expected one of")
    assert "path/to/file.py:function" in str(refused.value)


def test_a_file_or_folder_without_a_function_is_told_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for text, says in (
        ("mine.py", "mine.py is a file: say which function, as in mine.py:functional_call"),
        ("mine.py:", "mine.py: is a file: say which function, as in mine.py:functional_call"),
        ("mine", "mine is a folder: say which function, as in mine/file.py:functional_call"),
    ):
        with pytest.raises(UsageError, match=f"^{says}$"):
            Address.parse(text)


def test_a_short_name_that_is_nearly_one_gets_a_did_you_mean():
    with pytest.raises(UsageError, match="did you mean 'reference'"):
        Address.parse("referense")


# --------------------------------------------------------------------------------------------------------- importing


@pytest.fixture
def file(tmp_path):
    """`file(source)` -> the address of `functional_call` in a file."""

    def write(source):
        path = tmp_path / f"{tmp_path.name}_{len(list(tmp_path.iterdir()))}.py"  # no name is in sys.modules twice
        path.write_text(source)
        return Address(str(path), "functional_call")

    return write


def test_what_an_import_brings_along_is_known(file):
    address = file("class Result: pass\n\ndef functional_call(*args, **kwargs): return Result()\n")

    loaded = preflight.load(address)

    assert type(loaded.function()) in loaded.own_classes


def test_what_an_import_changes_is_named_and_put_back(file):
    equal = torch.equal
    address = file("import torch\ntorch.equal = lambda a, b: True\n\ndef functional_call(): pass\n")

    with pytest.raises(UsageError, match=r"changes torch\.equal; nothing can be judged after that"):
        preflight.load(address)

    assert torch.equal is equal


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
class TestTrial:
    @pytest.fixture
    def ask(self):
        trial = Trial()

        def ask(address):
            trial.ask(address, 20.0)
            return trial.answer()

        yield ask
        trial._child.end()
        os.close(trial._requests)

    def test_a_process_tries_one_target_after_another(self, ask, file):
        wrong = file(
            "import torch\n\ndef functional_call(module, values, args, kwargs=None, **flags): return torch.zeros(1, 2)\n"
        )
        broken = file("import os\n\nos._exit(7)\n")

        assert ask(REFERENCE).draft is None
        assert "does not compute with the given values" in ask(wrong).draft
        with pytest.raises(UsageError, match=r"ends the process \(status 7\)"):
            ask(broken)
        ask(REFERENCE)

    def test_a_path_is_meant_from_the_folder_of_whoever_asks(self, ask, file, monkeypatch, tmp_path):
        address = file("from fcspec_reference import functional_call\n")
        name = os.path.basename(address.place)

        monkeypatch.chdir(tmp_path)
        ask(Address(name, "functional_call"))
        monkeypatch.chdir("/")
        with pytest.raises(UsageError, match="no file"):
            ask(Address(name, "functional_call"))
