"""The figures of readings as lines of text."""

from __future__ import annotations

from typing import Any

from worldsim.fidelity.bars import shown

__all__ = ["readback_lines"]

Figures = dict[str, Any]


def readback_lines(figures: Figures) -> list[str]:
    """Readers first, then what was read; a probe whose reader failed is named as not scored."""
    lines = []
    if found := figures.get("readers"):
        lines.append("readers, validated on raw truth of held-out worlds")
        lines += [line for head, one in found.items() for line in _reader(head, one)]
    if found := figures.get("actions"):
        told = f"{found['readings']} of {found['worlds']} worlds"
        lines.append(f"actions read from free-running frames, macro-F1 ({told})")
        lines += _scored(found)
        each = found["classes"].items()
        lines.append("  each action, model / ceiling: " + ", ".join(
            f"{name} {one['model']:.2f}/{one['ceiling']:.2f}" for name, one in each))  # fmt: skip
        lines += [f"  {'gain of ' + axis:<22}{shown(gain)}" for axis, gain in found["turn_gain"].items()]
    if found := figures.get("drift"):
        lines += _drift(found)
    if found := figures.get("prompts"):
        lines.append(f"prompts: what {found['clips']} clips from noise show, balanced accuracy")
        for head, one in found.items():
            if isinstance(one, dict):
                lines += _attribute(head, one)
    if found := figures.get("events"):
        lines += _events(found)
    return lines


def _reader(head: str, found: Figures) -> list[str]:
    if found["macro_f1"] is None:
        return [f"  {head:<10} FAILED: no class is legible and frequent enough; what needs it is not scored"]
    verdict = "passed" if found["passed"] else f"FAILED (below {found['bar']}); what needs it is not scored"
    classes = ", ".join(f"{name} {one['f1']:.2f} ({one['count']})" for name, one in found["classes"].items())
    lines = [
        f"  {head:<10} macro-F1 {shown(found['macro_f1'])} over {len(found['counted'])} of {len(found['classes'])} "
        f"classes, accuracy {found['accuracy']:.3f}: {verdict}",
        f"             {classes}",
    ]
    if found["illegible"]:
        lines.append("             not told apart on held-out lessons: " + ", ".join(found["illegible"]))
    if turns := found.get("turn_correlation"):
        told = ", ".join(f"{axis} {r:.3f}" for axis, r in turns.items() if r is not None)
        lines.append(f"             correlation of turns with those commanded: {told or 'no turns'}")
    return lines


def _scored(found: Figures) -> list[str]:
    chances = ", ".join(f"{name} {value:.3f}" for name, value in found["chance"].items())
    return [
        f"  {'S':<22}{shown(found['score'])}; chance: {chances}; ceiling {shown(found['ceiling'])}",
        f"  {'N':<22}{shown(found['n'])}",
    ]


def _drift(found: Figures) -> list[str]:
    lines = [f"drift of action readback, N per {found['window']} frames of {found['rollouts']} rollouts; "
             f"chance {found['chance']:.3f}, ceiling {found['ceiling']:.3f}, {found['counted']} classes"]  # fmt: skip
    if "refused" in found:
        return [*lines, f"  not scored: {found['refused']}"]
    half = f"{found['half_life']} frames" if found["half_life"] is not None else f"beyond {found['frames']} frames"
    lines.append("  " + " ".join(f"{one['value']:.2f}" for one in found["n_per_window"]))
    lines.append(f"  first {shown(found['first'])}, last {shown(found['last'])}, "
                 f"last / first {shown(found['last_over_first'])}, half-life {half}")  # fmt: skip
    return lines


def _attribute(head: str, found: Figures) -> list[str]:
    never = f"; never asked for: {', '.join(found['never_asked'])}" if found["never_asked"] else ""
    if "refused" in found:
        return [f"  {head:<10} not scored: {found['refused']}{never}"]
    values = ", ".join(f"{name} {value:.2f}" for name, value in found["values"].items())
    return [
        f"  {head:<10} S {shown(found['score'])}, chance {found['chance']:.3f}, ceiling {found['ceiling']:.3f}, "
        f"N {shown(found['n'])}",
        f"             {values}{never}",
    ]


def _events(found: Figures) -> list[str]:
    lines = [f"text events in mid-rollout ({found['rollouts']} rollouts, each beside a twin whose prompt stays)"]
    for name, one in found["each"].items():
        n = f", N {shown(one['n'])}" if one["n"] is not None else ""
        lines.append(f"  {name:<10} named change came {shown(one['changed'])}, in the twin {one['chance']:.3f}, "
                     f"ceiling {one['ceiling']:.3f}{n}")  # fmt: skip
    if "others_kept" in found:
        noise = f"; in a twin under other noise {shown(found['others_alike'])}" if "others_alike" in found else ""
        lines.append(f"  other attributes as in the twin {shown(found['others_kept'])}{noise}")
    if actions := found.get("actions"):
        lines.append(f"  action readback {shown(actions['changed'])}, twin {shown(actions['twin'])}, "
                     f"one over the other {shown(actions['changed_over_twin'])}")  # fmt: skip
    return lines
