# Two things with Jinja itself (pip install jinja2==3.1.6), set up as transformers does it:
#   golden.json      what golden.mjs rendered is rendered again; where Jinja differs from @huggingface/jinja, "jinja" is added
#   constructs.json  the snippets of constructs.txt with what they give, null for an error
import json
import os
import sys

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


def environment():
    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise TemplateError(message)

    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    return made


def main():
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    golden = json.load(open("golden.json", encoding="utf-8"))
    jinja = environment()
    different = 0
    for item in golden["renderings"]:
        source = open(f"templates/{item['template']}.jinja", encoding="utf-8").read()
        chat = golden["conversations"][item["conversation"]]
        try:
            text = jinja.from_string(source).render(
                messages=chat["messages"], tools=chat.get("tools"), documents=None, bos_token="<s>", eos_token="</s>",
                add_generation_prompt=item["add_generation_prompt"], **item["variables"])
        except Exception:  # whatever Python says: the conversation does not fit the template
            text = None
        if text != item["expected"]:
            different += 1
            item["jinja"] = text
            print(item["template"], item["conversation"], item["variables"], repr(text), repr(item["expected"]), sep="\n  ")
    print(len(golden["renderings"]), "renderings,", different, "different")
    write("golden.json", golden)
    constructs(jinja)


VARIABLES = {
    "text": "Hello, World", "empty": "", "spaces": " \t a b \n", "emoji": "a😀é", "n": 7, "x": 2.5, "yes": True, "no": False, "nil": None,
    "list": [3, 1, 2], "words": ["b", "A", "c", "a"], "none": [], "mixed": [1, "a", None, True, 1.5, [2], {"k": "v"}],
    "pairs": {"b": 1, "a": "x", "C": None}, "deep": {"f": {"name": "g", "args": [{"v": 1}]}}, "large": 12345678901234567890123,
    "messages": [
        {"role": "system", "content": "S"}, {"role": "user", "content": "U"},
        {"role": "assistant", "content": None, "n": 2}, {"role": "user", "content": "V", "n": 1},
    ],
}


# Here and not in constructs.txt, whose line ends git may change.
LINE_ENDS = ["a\r\nb\r{% if true %}\r\nc{% endif %}\r\n", "{{ 'a\r\nb' }}"]


def constructs(jinja):
    results = []
    for snippet in open("constructs.txt", encoding="utf-8").read().split("\n----\n") + LINE_ENDS:
        try:
            text = jinja.from_string(snippet).render(**VARIABLES)
        except Exception as error:
            text = None
            if "-v" in sys.argv:
                print(repr(snippet), error)
        results.append({"template": snippet, "expected": text})
    write("constructs.json", {"variables": VARIABLES, "snippets": results})
    print(len(results), "snippets")


def write(name, value):
    with open(name, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
