"""Which rows become images of the cohort: the rules for missing files, labels and repeated rows, with what was left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clinjup.contracts import DataWarning, Excluded, Flag, Roles
from clinjup.imaging.files import printable
from clinjup.imaging.source import DataFolder, parse_reference
from clinjup.imaging.values import flag_of, map_distinct, normal
from clinjup.kernel.errors import ClinjupError
from clinjup.nouns import in_number
from clinjup.unknown_words import NO_OUTLINE

MAX_NAMED = 3  # values that a warning names
MAX_LISTED = 1000  # excluded images of one reason that are listed one by one


def excluded_list(paths: Sequence[str], reasons: Sequence[str]) -> list[Excluded]:
    """Excluded images one by one; of a reason with more than 1,000, the rest is one entry with its number."""
    listed: list[Excluded] = []
    for reason, group in pd.Series(list(paths), dtype=object).groupby(np.asarray(reasons, dtype=object), sort=False):
        listed += [Excluded(path=path, reason=str(reason)) for path in group[:MAX_LISTED]]
        if len(group) > MAX_LISTED:
            listed.append(Excluded(path=f"({len(group) - MAX_LISTED} more)", reason=str(reason)))
    return listed


def some_of(paths: Sequence[str]) -> str:
    """The first three of `paths` in quotes; of more also how many, and where the others are named (`DataWarning.files`)."""
    named = ", ".join(f"'{path}'" for path in paths[:MAX_NAMED])
    more = len(paths) - MAX_NAMED
    return f"{named} and {more} more, all of them in results.json" if more > 0 else named


class Selection:
    """The rows on their way into the cohort, with what was left out and why."""

    def __init__(self, folder: DataFolder, rows: pd.DataFrame) -> None:
        self.folder, self.rows = folder, rows
        self.excluded: list[Excluded] = []
        self.warnings: list[DataWarning] = []

    def _warn(self, code: str, sentence: str, files: Sequence[str] = ()) -> None:
        self.warnings.append(DataWarning(code=code, sentence=sentence, files=list(files[:MAX_LISTED])))

    def drop_missing_files(self) -> None:
        """Leave out rows whose image is not in the folder; count files that no row names."""
        rows, total = self.rows, len(self.folder.scan.images)
        lost = rows[rows["file"] < 0]
        if len(lost):
            names = lost["image"].fillna("(row without an image name)").map(printable)
            reasons = np.where(lost["file"] == -2, "several files have this name", "no file of this name in the folder")
            self.excluded += excluded_list(names.tolist(), reasons.tolist())
            self._warn(
                "missing_files",
                in_number(
                    len(lost),
                    "{n} of {rows} rows [names|name] an image that is not in the folder; left out.",
                    rows=len(rows),
                ),
            )
        self.rows = rows[rows["file"] >= 0]
        without_row = total - self.rows["file"].nunique()
        if without_row:
            self._warn(
                "images_without_row",
                in_number(
                    without_row, "{n} of {total} image files [has|have] no row in the table; not used.", total=total
                ),
            )

    def name_damaged(self) -> None:
        """Name DICOM files that are left out because their header breaks off: what joins them to a row is gone with it."""
        headers = self.folder.headers
        lost = sorted(headers.broken - set(self.rows["file"])) if headers else []
        if lost:
            paths = [printable(self.folder.scan.images[position]) for position in lost]
            self.excluded = [entry for entry in self.excluded if entry.path not in paths]  # no label, for one
            self.excluded += excluded_list(paths, ["the DICOM header is cut off or damaged"] * len(paths))
            self._warn(
                "damaged_headers",
                in_number(
                    len(paths),
                    "The DICOM [header|headers] of {n} image [file breaks|files break] off before the picture: {named}. [It is|They are] cut "
                    "off or damaged, so that no row can be found for [it|them]; left out. Copy [it|them] again from where [it|they] came.",
                    named=some_of(paths),
                ),
                paths,
            )

    def drop_unlabelled(self, roles: Roles) -> list[str]:
        """Turn the label text into `label_code`, leave out images where it says none of them, and return the names of the codes."""
        if roles.classes:
            return self._drop_outside_classes(roles)
        positive, negative, uncertain = (
            {normal(value) for value in values} for values in (roles.positive, roles.negative, roles.uncertain)
        )
        if not positive:
            raise ClinjupError("No value is named that means: target present. Name at least one in 'positive'.")

        def code(value: str) -> float:
            known = flag_of(value, positive, negative)
            if known == 1.0 and flag_of(value, negative, ()) == 1.0:
                return float("nan")  # a list that names both
            if np.isnan(known) and not negative and np.isnan(flag_of(value, uncertain, ())):
                return 0.0
            return known

        codes = map_distinct(self.rows["label"], code)
        blank = self.rows["label"].isna()
        if "" in positive | negative:
            codes = codes.mask(blank, float("" in positive))
        self._keep_coded(codes, "is neither positive nor negative")
        return ["negative", "positive"]

    def _drop_outside_classes(self, roles: Roles) -> list[str]:
        """The codes of the classes that any image has; a cell that lists several of them says none."""
        meanings = {name: {normal(value) for value in values} for name, values in roles.classes.items()}

        def name_of(value: str) -> str:
            hits = [name for name, values in meanings.items() if flag_of(value, values, ()) == 1.0]
            return hits[0] if len(hits) == 1 else ""

        said = {value: name_of(value) for value in self.rows["label"].dropna().unique()}
        classes = [name for name in roles.classes if name in said.values()]
        codes = map_distinct(
            self.rows["label"], lambda value: float(classes.index(said[value])) if said[value] else float("nan")
        )
        self._keep_coded(codes, "is none of the classes asked for")
        return classes

    def _keep_coded(self, codes: pd.Series, why: str) -> None:
        rows = self.rows.assign(label_code=codes)
        known = rows["label_code"].notna()
        lost = rows[~known & ~rows["file"].isin(rows.loc[known, "file"])].drop_duplicates("file")
        if len(lost):
            labels = lost["label"].fillna("")
            silent = {"": "no label", NO_OUTLINE: "no outline that can be read"}
            reasons = [silent.get(value, f"the label '{value}' {why}") for value in labels]
            self.excluded += excluded_list(self._paths(lost), reasons)
            blank, unread = int(labels.eq("").sum()), int(labels.eq(NO_OUTLINE).sum())
            if unread:
                self._warn(
                    "unreadable_outlines",
                    in_number(
                        unread,
                        "{n} [image has|images have] no outline that can be read, and no label therefore; left out.",
                    ),
                )
            if blank:
                self._warn(
                    "unlabelled", in_number(blank, "{n} [image has|images have] no label for this question; left out.")
                )
            if len(lost) > blank + unread:
                values = [value for value in labels.unique() if value not in silent]
                named = ", ".join(f"'{printable(value)}'" for value in values[:MAX_NAMED])
                more = f" and {len(values) - MAX_NAMED} more" if len(values) > MAX_NAMED else ""
                self._warn(
                    "other_labels",
                    in_number(
                        len(lost) - blank - unread,
                        "{n} [image has|images have] a label that {why} ({named}); left out.",
                        why=why,
                        named=named + more,
                    ),
                )
        self._warn_of_other_labels_beside(rows, known)
        self.rows = rows[known]

    def _warn_of_other_labels_beside(self, rows: pd.DataFrame, known: pd.Series) -> None:
        """Images that another row gives a label which was not asked for: they count by the one that was."""
        beside = rows[~known & rows["label"].fillna("").ne("") & rows["file"].isin(rows.loc[known, "file"])]
        if len(beside):
            named = ", ".join(f"'{printable(value)}'" for value in beside["label"].unique()[:MAX_NAMED])
            self._warn(
                "other_labels_beside",
                in_number(
                    beside["file"].nunique(),
                    "{n} [image has|images have] a second row with a label that was not asked for ({named}); the other row counts.",
                    named=named,
                ),
            )

    def drop_repeated_rows(self) -> None:
        """One row an image; none where its rows contradict each other."""
        rows = self.rows
        contradictory = rows.groupby("file")["label_code"].transform("nunique") > 1
        lost = rows[contradictory].drop_duplicates("file")
        if len(lost):
            self.excluded += excluded_list(self._paths(lost), ["the table gives this image both labels"] * len(lost))
            self._warn(
                "contradictory_labels",
                in_number(len(lost), "{n} [image has|images have] different labels in different rows; left out."),
            )
        kept = rows[~contradictory].drop_duplicates("file")
        repeated = int((~contradictory).sum()) - len(kept)
        if repeated:
            self._warn(
                "duplicates",
                in_number(
                    repeated, "{n} [row repeats|rows repeat] an image that another row names; each image counts once."
                ),
            )
        self.rows = kept

    def flag(self, roles: Roles, flag: Flag) -> pd.Series:
        """1.0, 0.0 or NaN per row; an image with contradictory values is unknown."""
        present, absent = {normal(value) for value in flag.present}, {normal(value) for value in flag.absent}
        values = self.folder.lookup(self.rows, roles, flag.column, of_image=True)
        codes = map_distinct(values, lambda value: flag_of(value, present, absent))
        if "" in present | absent:
            codes = codes.mask(values.isna(), float("" in present))
        limits = codes.groupby(level=0).agg(["min", "max"])
        both = limits["min"] != limits["max"]
        contradictory = int((both & limits["min"].notna()).sum())
        if contradictory:
            self._warn(
                "contradictory_confounder",
                in_number(
                    contradictory,
                    "{n} [image has|images have] contradictory values in '{column}' and [counts|count] as unknown there.",
                    column=flag.column,
                ),
            )
        return limits["min"].mask(both).reindex(self.rows.index)

    def drop_other_modalities(self, codes: pd.Series, flag: Flag) -> None:
        """Leave out what is no radiograph (`codes` 0.0), unless nothing is one."""
        other = codes == 0
        kinds = ", ".join(printable(value) for value in flag.absent)
        if not other.any():
            return
        if other.all():
            self._warn(
                "no_radiographs",
                f"None of the {len(other)} images is a radiograph by its DICOM header ({kinds}). They are kept: check that this is the "
                "folder that you mean.",
            )
            return
        paths = self._paths(self.rows[other])
        self.excluded += excluded_list(paths, ["not a radiograph"] * len(paths))
        self._warn(
            "not_radiographs",
            in_number(
                len(paths),
                "{n} of {all} images [is not a radiograph|are not radiographs] by [its DICOM header|their DICOM headers] ({kinds}); left out. "
                "Without 'radiographs' in the cell that loads the cohort [it stays|they stay] in.",
                all=len(other),
                kinds=kinds,
            ),
        )
        self.rows = self.rows[~other]

    def frontal(self, codes: pd.Series, flag: Flag) -> pd.Series:
        """Which rows stay where chest films that are not frontal (`codes` 0.0) are left out; all of them where none is frontal."""
        other = codes == 0
        if not other.any():
            return ~other
        values = ", ".join(f"'{printable(value)}'" for value in flag.absent[:MAX_NAMED])
        column = parse_reference(flag.column)[1]
        if other.all():
            self._warn(
                "no_frontal_films",
                f"None of the {len(other)} films is a frontal one ({values} in the column '{column}'). They are kept, but drains are drawn "
                "and checked for frontal films only: what a run says of drawn drains does not hold for these.",
            )
            return other
        self.excluded += excluded_list(self._paths(self.rows[other]), ["not a frontal film"] * int(other.sum()))
        self._warn(
            "not_frontal",
            in_number(
                int(other.sum()),
                "{n} of {all} films [is not a frontal one|are not frontal ones] ({values} in the column '{column}'); left out, because a "
                "network that sees both views learns the view as well, and drains are drawn for frontal films only. Without 'frontal' in the "
                "cell that loads the cohort [it stays|they stay] in.",
                all=len(other),
                values=values,
                column=column,
            ),
        )
        return ~other

    def _paths(self, rows: pd.DataFrame) -> list[str]:
        return [printable(self.folder.scan.images[file]) for file in rows["file"]]
