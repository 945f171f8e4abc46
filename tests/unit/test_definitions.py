import pytest

from trackd_service.definitions import Definition, Definitions


def made(*definitions: Definition) -> Definitions:
    result = Definitions()
    for definition in definitions:
        result.define(definition, overwrite=False)
    return result


def test_a_whole_name_wins_over_globs_and_the_longer_glob_over_the_shorter() -> None:
    definitions = made(
        Definition("a/b", goal="minimize"),
        Definition("a/*", hidden=True),
        Definition("a/b*", hidden=False),
        Definition("*", step_metric="step"),
    )
    assert definitions.of("a/b") == Definition("a/b", goal="minimize")
    assert definitions.of("a/bc") == Definition("a/bc", hidden=False)
    assert definitions.of("a/x") == Definition("a/x", hidden=True)
    assert definitions.of("x") == Definition("x", step_metric="step")


@pytest.mark.parametrize("name", ["_x", "_", "_runtime"])
def test_no_glob_holds_for_hidden_names_but_a_whole_name_does(name: str) -> None:
    definitions = made(Definition("*", hidden=True), Definition("_*", hidden=True))
    assert definitions.of(name) is None
    definitions.define(Definition(name, hidden=True), overwrite=False)
    assert definitions.of(name) == Definition(name, hidden=True)


def test_repeated_definitions_merge_field_by_field() -> None:
    definitions = made(
        Definition("a", step_metric="epoch", summary_kinds=("min",), hidden=True),
        Definition("a", step_sync=False, summary_kinds=("max", "min"), goal="maximize"),
        Definition("a", hidden=False),
    )
    assert definitions.of("a") == Definition("a", "epoch", False, False, ("min", "max"), "maximize")


def test_overwrite_forgets_what_was_there() -> None:
    definitions = made(Definition("a", step_metric="epoch", summary_kinds=("min",)))
    definitions.define(Definition("a", hidden=True), overwrite=True)
    assert definitions.of("a") == Definition("a", hidden=True)


def test_a_glob_that_changes_takes_its_metrics_along() -> None:
    definitions = made(Definition("a*", summary_kinds=("min",)))
    before = definitions.version
    assert definitions.of("ab") == Definition("ab", summary_kinds=("min",))
    definitions.define(Definition("a*", summary_kinds=("max",)), overwrite=True)
    assert definitions.version > before
    assert definitions.of("ab") == Definition("ab", summary_kinds=("max",))


def test_step_metrics_join_rows_that_lack_them() -> None:
    definitions = made(
        Definition("train/*", step_metric="epoch"),
        Definition("val", step_metric="epoch"),
        Definition("silent", step_metric="other", step_sync=False),
        Definition("x", step_sync=True),
    )
    assert definitions.synced_steps(["train/loss", "val"]) == ["epoch"]
    assert definitions.synced_steps(["train/loss", "epoch"]) == []
    assert definitions.synced_steps(["silent", "x", "unknown"]) == []


def test_definitions_survive_being_kept() -> None:
    definitions = made(
        Definition("a", "b", True, False, ("best", "last"), "maximize"),
        Definition("*", hidden=True),
    )
    again = Definitions.load(definitions.dump())
    assert again.all() == definitions.all()
    assert again.of("other") == definitions.of("other")
