#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""html_pages.py TEST_HTML [PAGE...]: pages as a browser and an XML parser read them: tags in pairs, no script but the data,
nothing fetched, no attribute that runs anything, each SVG well-formed XML, and the JSON what -j prints."""
import html.parser
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

VOID = {"meta", "link", "br"}
OPTIONAL = {"td", "th"}  # HTML lets their ends away
ALLOWED = {"class", "id", "width", "height", "viewBox", "viewbox", "x", "y", "rx", "d", "role", "open", "lang", "charset", "name",
           "content", "type", "preserveaspectratio", "text-anchor", "opacity", "rel", "href"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.data, self.scripts = [], [], "", 0

    def note(self, words):
        self.wrong.append(f"line {self.getpos()[0]}: {words}")

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name not in ALLOWED:
                self.note(f"<{tag} {name}>")
            if name == "href" and value != "data:,":
                self.note(f"a link to {value}")
        if tag in ("img", "iframe", "object", "embed", "a", "form", "base"):
            self.note(f"<{tag}>")
        if tag == "script":
            self.scripts += 1
            if dict(attrs) != {"type": "application/json", "id": "lakvm"}:
                self.note("a script")
        if tag not in VOID | OPTIONAL:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID | OPTIONAL:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in OPTIONAL:
            return
        if not self.open or self.open.pop() != tag:
            self.note(f"</{tag}>")

    def handle_comment(self, data):
        self.note("a comment")

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.data += data


def check(path):
    text = open(path, encoding="utf-8").read()
    page = Page()
    page.feed(text)
    page.close()
    wrong = page.wrong + [f"<{tag}> is not closed" for tag in page.open]
    if page.scripts != 1:
        wrong.append(f"{page.scripts} scripts")
    for part in text.split("<svg")[1:]:
        svg = "<svg" + part.split("</svg>")[0] + "</svg>"
        try:
            xml.etree.ElementTree.fromstring(svg)
        except xml.etree.ElementTree.ParseError as e:
            wrong.append(f"SVG: {e}: {svg[:200]}")
    try:
        held = json.loads(page.data)
        if os.path.exists(path[:-4] + "json"):
            if held != json.load(open(path[:-4] + "json", encoding="utf-8")):
                wrong.append("the JSON is not the same")
    except ValueError as e:
        wrong.append(f"JSON: {e}")
    for words in wrong[:5]:
        print(f"{path}: {words}", file=sys.stderr)
    return not wrong


def main():
    program, pages = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        if program != "-":
            subprocess.run([program], env=dict(os.environ, LAKVM_PAGES=folder), check=True, stderr=subprocess.DEVNULL)
            pages += sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".html"))
        good = [check(path) for path in pages]
    print(f"html: {sum(good)} of {len(good)} pages are well-formed")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
