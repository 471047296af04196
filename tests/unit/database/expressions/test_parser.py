"""What is an expression, and what is told of everything else."""

from __future__ import annotations

import contextlib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from database.expressions import ExpressionError, parse
from database.expressions.names import KnownNames, written
from database.expressions.tree import Comparison, Constant, Field, Value

NAMES = KnownNames([("lr",), ("optimizer", "name"), ("batch size",), ("loss",)], [("accuracy",), ("loss",)])


def refused(text: str, names: KnownNames = NAMES) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse(text, names)
    return caught.value


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("", 0, "there is no condition; allowed are names, numbers"),
        ("  \n ", 0, "there is no condition"),
        ("lr >", 4, "something is missing; allowed are"),
        ("lr = 1", 3, "compare with ==; allowed are"),
        ("(lr := 1)", 1, "compare with =="),
        ("lr > 1 && lr < 2", 7, "write and instead of &&"),
        ("lr > 1 || lr < 2", 7, "write or instead of ||"),
        ("`lr` > 1", 0, 'write parameters["NAME"]'),
        (
            "lambda == 1",
            7,
            "'lambda' is a keyword of Python; as a name write it in brackets: parameters[",
        ),
        ("opt.x.lambda == 1", 6, 'write it in brackets: opt.x["lambda"]'),
        ("lr > 1  # big\nand lr < 2", 8, "comments are not part of this language"),
        ("lr == 'a\nb'", 8, "a text ends on its line; write \\n for a line break in it"),
        ('lr == """a\nb"""', 10, "a text ends on its line"),
        ("lr == 'a\\\nb'", 9, "a text ends on its line"),
        ("lr == 'a", 6, "unterminated string literal"),
        ("(lr == 1", 0, "'(' was never closed"),
        ("lr == 1) or (lr == 2", 7, "unmatched ')'"),
        ("lr is None", 6, "write == None instead of is None"),
        ("lr is not None", 10, "write != None"),
        ("3", 0, "this is a value, not a condition: compare it"),
        ("lr + 1", 0, "this is a value, not a condition"),
        ("(lr < 2) == True", 1, "a condition has no value"),
        ("lr == [1]", 6, "a list is allowed only after in"),
        ("lr in 'abc'", 6, "in must be followed by a list, such as"),
        ("lr in [x for x in y]", 6, "in must be followed by a list"),
        ("lr ** 2 > 1", 0, "write x * x"),
        ("lr > 1 & lr < 2", 5, "write and instead of &"),
        ("~lr", 0, "write not instead of ~"),
        ("lr + 'a' > 1", 0, "arithmetic takes numbers only"),
        ("(lr + 1) % 2 == 0", 0, "% takes names and numbers only"),
        ("lr+1+1+1+1+1+1 > 2", 0, "at most 6 values can be combined by arithmetic"),
        ("lr > 1e999", 5, "too large; an infinity is > 1.7e308"),
        ("lr == 'a\\0'", 6, "databases cannot store a NUL"),
        ("lr == '\\ud800'", 6, "databases cannot store a NUL or a lone surrogate"),
        ("lr == b'a'", 6, "this cannot be used here; allowed are"),
        ("lr == f'{lr}'", 6, "this cannot be used here"),
        ("lr[0] > 1", 3, 'brackets take a name in quotes, as in parameters["batch size"]'),
        ("'é' == lr and lr if lr else lr", 0, "this cannot be used here"),
        ("'é日' == xx", 8, "there is nothing named xx"),
        ("__import__('os').system('true')", 0, "functions cannot be called"),
        ("lr.__class__ == 1", 0, "there is nothing named lr.__class__"),
        ("(lambda: lr)()", 0, "functions cannot be called"),
        ("lr == '\\d'", 6, "invalid escape sequence"),
        ("lr == 1j", 6, "this cannot be used here"),
        ("lr == ...", 6, "this cannot be used here"),
    ],
)
def test_what_is_refused(text: str, place: int, told: str) -> None:
    """What is no expression is refused with its place and what to write instead."""
    error = refused(text)
    assert told in error.problem
    assert error.place == place
    *_, line, caret = str(error).split("\n")
    assert (caret, line.strip()) == (f"    {' ' * place}^", text.strip().replace("\n", " "))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    "text",
    [
        "lr == " + "1" * 5000,
        "lr in [" + ", ".join("1" * 600) + "]",
        "not " * 60 + "lr",
        "lr == " + "-" * 2000 + "1",
        "lr == " + "(" * 300 + "1" + ")" * 300,
        "lr" + "." * 3000,
        "lr == '\ud800'",
        "lr == '\0'",
    ],
)
def test_hostile_expressions_are_refused(text: str) -> None:
    """What is too long, too deep, or no text ends with an error of ours."""
    assert refused(text).exit_code == 2


def test_a_text_that_is_too_long_is_told_in_a_sentence() -> None:
    """The message has a subject: on the command line nothing stands before it."""
    assert str(refused("x" * 5000)).startswith("this is longer than 4000 characters")


def test_a_long_expression_is_shown_around_its_place() -> None:
    """A message shows the part of a long text that is wrong."""
    text = "lr == 1 or " * 40 + "zz == 2"
    *_, line, caret = str(refused(text)).split("\n")
    assert len(line) < 120
    assert line[caret.index("^") :].startswith("zz == 2")
    assert refused(text).in_one_line().startswith("at 'zz == 2', character 441: there is nothing named zz")


def test_lines_are_one_expression() -> None:
    """A text of several lines needs no parentheses."""
    assert parse("lr == 1\n  or lr == 2\n", NAMES).holds({"lr": 2})


def test_what_stands_in_quotes_stays() -> None:
    """White space and signs within a text are part of it: two texts that look alike are two."""
    for text, value in (
        ("lr == 'a\tb'", "a\tb"),
        ("lr == 'a#b'", "a#b"),
        ('lr\t==\n"it\'s #1"', "it's #1"),
        ("lr == 'a\\'#' and\n lr == 'a\\'#'", "a'#"),
        ("lr == '''it's'''", "it's"),
        ("lr == '\\\\' and lr == '\\\\'", "\\"),
        ("lr == ''\nor lr == ''", ""),
    ):
        found = parse(text, NAMES)
        assert found.holds({"lr": value}), text
        assert not found.holds({"lr": f"{value} "})
        assert not found.holds({"lr": value.replace("\t", " ") if "\t" in value else None})


def test_which_value_a_name_means() -> None:
    """Own names go first, then parameters, then results; what stands before decides otherwise."""
    names = KnownNames([("status",), ("loss",), ("results", "x")], [("accuracy",), ("loss",), ("a.b", "c")])

    def meant(text: str) -> Value:
        condition = parse(f"{text} == 1", names).condition
        assert isinstance(condition, Comparison)
        return condition.left

    assert meant("status") == Field("own", ("status",))
    assert meant("parameters.status") == Field("parameters", ("status",))
    assert meant("loss") == Field("parameters", ("loss",))
    assert meant("results.loss") == Field("results", ("loss",))
    assert meant("accuracy") == Field("results", ("accuracy",))
    assert meant('results["a.b"].c') == Field("results", ("a.b", "c"))
    assert meant('parameters["results"].x') == Field("parameters", ("results", "x"))


def test_a_wrong_name_lists_the_valid_ones() -> None:
    """The nearest name goes first, then all of them as they have to be written."""
    told = refused("acuracy > 1").problem
    assert told.startswith(
        "there is nothing named acuracy; did you mean 'accuracy'? names: lr, optimizer.name, "
        'parameters["batch size"], loss, accuracy, results.loss, id, configuration'
    )
    assert refused("parameters.accuracy > 1").problem.endswith(
        'parameters: parameters.lr, parameters.optimizer.name, parameters["batch size"], parameters.loss'
    )
    assert refused("lr == true").problem == "there is nothing named true; write True"
    told = refused("zz == 1", KnownNames([("lr",)], [])).problem
    assert told.endswith("No result is recorded yet; if it is one, write results.zz")


KEYS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6
) | st.sampled_from(["lr", "class", "ﬁ", 'a"b', "a\\", "x.y", "\n"])


@settings(max_examples=300)
@given(st.lists(KEYS, min_size=1, max_size=3))
def test_names_are_shown_as_they_are_written(path: list[str]) -> None:
    """What a message shows for a name leads back to it, whatever characters it has."""
    names = KnownNames([tuple(path)])
    shown = written(("parameters", *path))
    found = parse(f"{shown} == 1", names).condition
    assert found == Comparison("==", Field("parameters", tuple(path)), Constant(1))


@settings(max_examples=500)
@given(st.text(max_size=40) | st.text("lr()[]\"'.=<>! andotin+-*/%1,:#\\\n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but our error comes out of the parser, whatever goes in."""
    with contextlib.suppress(ExpressionError):
        parse(text, NAMES).holds({"lr": 1})
