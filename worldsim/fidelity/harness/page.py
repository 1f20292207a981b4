"""The report as one page of HTML without anything outside it: table, charts, film strips, how to do it again."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from worldsim.fidelity.harness.charts import curve, intervals
from worldsim.fidelity.harness.strips import strips_of
from worldsim.files import replacing_file

__all__ = ["STYLE", "second_told", "shown", "table", "write_page"]

Report = dict[str, Any]
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{border-bottom:1px solid #ddd;padding:.3em .7em;text-align:left}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}code{background:#f3f3f3;padding:.15em .35em}.off{color:#a33}
img{image-rendering:pixelated;max-width:100%;display:block;margin:.4em 0}svg text{font:12px system-ui,sans-serif}
svg .chance{stroke:#999;stroke-dasharray:5 4}h2{margin-top:2em}
"""
MEANING = """S is the share of questions that the candidate's frames answer as truth does, c is chance, K is what truth
scores through the candidate's own compression, N = (S - c) / (K - c): 1 is truth, 0 is chance. Brackets are 95 %
intervals over worlds. A probe whose reader failed its validation is not scored. Below a probe stands what the second
reader, a learned state decoder, tells of the questions that its labels decide; where it says "apart", the two readers
differ by more than 5 points on the same questions."""


def shown(estimate: Any, digits: int = 2) -> str:
    """An estimate with its interval, or what else a figure is."""
    if estimate is None:
        return "–"
    if isinstance(estimate, Mapping):
        if "value" not in estimate:
            return ", ".join(f"{escape(str(key))} {shown(value, digits)}" for key, value in estimate.items())
        found = f"{estimate['value']:.{digits}f}"
        if "low" in estimate:
            found += f" [{estimate['low']:.{digits}f}, {estimate['high']:.{digits}f}]"
        return found
    return f"{estimate:.{digits}f}" if isinstance(estimate, float) else escape(str(estimate))


def write_page(folder: Path, report: Report) -> Path:
    """Write `report.html` beside a report's lines and strips."""
    asked = escape(report["candidate"]) + (f" beside {escape(report['reference'])}" if report["reference"] else "")
    scored = {name: [part.get("N")] for name, part in report["probes"].items() if part.get("N")}
    parts = [
        f"<!doctype html><meta charset=utf-8><title>Fidelity of {escape(report['candidate'])}</title>",
        f"<style>{STYLE}</style><h1>Fidelity of {asked}</h1>",
        f"<p>{report['tier']} tier, seed {report['seed']}. {MEANING}</p>",
        intervals(scored) if scored else "",
        table(report),
        _decoder(report),
        _refusals(report),
        *(_probe(folder, report, name, part) for name, part in report["probes"].items()),
    ]
    path = folder / "report.html"
    with replacing_file(path) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")
    return path


def table(report: Report) -> str:
    """All probes in a table."""
    rows = []
    for name, part in report["probes"].items():
        reader = part.get("reader")
        if reader is not None and not reader["sound"]:
            rows.append(_row([name, part["trials"], '<span class=off>not scored: its reader failed</span>', "", "", "",
                              _reader(reader)]))  # fmt: skip
        else:
            cells = [*_figures(part), _reader(reader)]
            rows.append(_row([name, part["trials"], *cells, escape("; ".join(part["departs"]))]))
        if second := part.get("second"):
            cells = _figures(second) if second["reader"]["sound"] else ["not scored: it failed", "", "", ""]
            rows.append(_row([f"<small>decoder, {second['asked']} of {second['of']}</small>", "",
                              *(f"<small>{cell}</small>" for cell in [*cells, _reader(second["reader"])]),
                              _apart(second)]))  # fmt: skip
    head = "<tr><th>probe<th>trials<th>N<th>S<th>c<th>K<th>reader: raw truth, planted<th>departs from truth in</tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _figures(part: Report) -> list[str]:
    return [shown(part.get(key)) for key in ("N", "S", "c", "K")]


def _apart(second: Report) -> str:
    gap = f"readers: {shown(second.get('second - first'))}" if second["reader"]["sound"] else ""
    return f"<span class=off>{gap}, apart</span>" if second.get("apart") else f"<small>{gap}</small>"


def second_told(second: Report) -> str:
    """What the second reader tells of a probe, in a line."""
    asked, reader = f"{second['asked']} of {second['of']} questions", _reader(second["reader"])
    if not second["reader"]["sound"]:
        return f"not scored, it failed ({reader}) on {asked}"
    told = ", ".join(f"{key} {shown(second.get(key))}" for key in ("N", "S", "c", "K"))
    beside = shown(second["second - first"]) + (", APART" if second["apart"] else "")
    return f"{told}; {asked}; beside the renderer {beside}"


def _decoder(report: Report) -> str:
    """The state decoder's validation."""
    if "decoder" not in report:
        return ""
    found = report["decoder"]
    rows = [_row([f"{part}: {name}", *(shown(found[part][who][name], 3) for who in ("raw", "compressed"))])
            for part in ("cells", "moves", "faults") for name in found[part]["raw"]]  # fmt: skip
    return (f"<h2>State decoder</h2><p>Validated in {found['worlds']} new worlds: cells of 2×2 pixels read rightly (no "
            "probe stands on single ones), moves between two pictures, and which of two worlds it is, as it is or with "
            f"a fault.</p><table><tr><th><th>raw truth<th>compressed</tr>{''.join(rows)}</table>")  # fmt: skip


def _row(cells: Iterable[Any]) -> str:
    return "<tr>" + "".join(f"<td class=n>{cell}</td>" for cell in cells) + "</tr>"


def _reader(reader: Report | None) -> str:
    if reader is None:
        return "–"
    told = (reader["raw truth"], reader["planted"])
    return ", ".join("–" if one is None else f"{one['value']:.3f}" for one in told)


def _refusals(report: Report) -> str:
    lines = [f"<li>{escape(name)}: {escape(reason)}" for name, reason in report["refused"].items()]
    lines += [f"<li>{escape(name)}: {part['trials']} trials failed, e.g. {escape(part['first'])}"
              for name, part in report["failed"].items()]  # fmt: skip
    return f"<h2>Refused</h2><ul>{''.join(lines)}</ul>" if lines else ""


def _probe(folder: Path, report: Report, name: str, part: Report) -> str:
    """What there is to tell of a probe."""
    told = [f"<h2>{escape(name)}</h2><p>Level {part['level']}: {escape(part['asks'])}.</p>"]
    baselines = {who: scores["S"] for who, scores in part.get("baselines", {}).items() if scores["S"]}
    facts = {**{f"baseline, {who}": value for who, value in baselines.items()}, **part.get("extras", {})}
    if part.get("all"):
        facts["all of a scene"] = part["all"]
    points = facts.pop("curve", None)
    rows = [_row([escape(key), shown(value, 3), _truth(value)]) for key, value in facts.items()]
    if rows:
        told.append(f"<table><tr><th>beside the score<th><th>truth</tr>{''.join(rows)}</table>")
    if points:
        told.append(curve({float(step): one for step, one in points.items()}, "S over steps", part.get("c")))
    for fact, values in part.get("by", {}).items():
        if fact == "steps away":
            told.append(curve({float(step): one for step, one in values.items()}, "S over steps away", part["c"]))
        cells = "".join(_row([escape(str(value)), shown(one), one["n"]]) for value, one in values.items())
        told.append(f"<details><summary>S by {escape(fact)}</summary><table>{cells}</table></details>")
    told += [f'<img alt="{escape(name)}" src="data:image/png;base64,{b64encode(path.read_bytes()).decode()}">'
             for path in strips_of(folder, name)]  # fmt: skip
    told.append(f"<p>Again: <code>{escape(report['command'])} --probes {escape(repr(name))}</code></p>")
    return "\n".join(told)


def _truth(value: Any) -> str:
    return shown(value["truth"]) if isinstance(value, Mapping) and "truth" in value else ""
