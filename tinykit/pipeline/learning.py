"""The stages that learn: data, teacher, control, distilled, pruned, int8. Each a function of its inputs, each kept."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.data import load, restore, save
from tinykit.data.rows import Rows, take
from tinykit.learn.augment import augment, require_no_copies
from tinykit.learn.together import ALONE, Together
from tinykit.pipeline import referral
from tinykit.pipeline.front_end import featured
from tinykit.pipeline.judging import int8_sparsity, judged_scores, logit_scale, require_int8_sparsity
from tinykit.pipeline.lessons import MODEL, Lessons, keep
from tinykit.pipeline.store import Kept, Store
from tinykit.pipeline.values import described, keep_samples, samples_folder
from tinykit.recipe import TRAINED_METHODS, Features, Recipe
from tinykit.stored import write_npz_by_parts
from tinykit.targets import Target

LIBRARIES = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "numpy")
_TRAINING = (
    "data/splits.py", "data/rows.py", "data/normalization.py", "arrays.py", "stored.py", "learn",
    "pipeline/learning.py", "pipeline/lessons.py",
)  # fmt: skip
DENSE = "dense.tflite"
"""The student before pruning, converted like the one that ships."""
_SHARD = 8192
"""Samples whose teacher's outputs are kept in one file."""
_UNMEASURED = {"accuracy": {"validation": None, "test": None}, "confusion": None, "parameters": None, "bytes": None}
_ENOUGH_TO_PRICE = 20
"""Samples that calibrate a conversion of which only the cost is read."""


@dataclass(frozen=True)
class Learning:
    """The recipe's learning stages in one store."""

    recipe: Recipe
    store: Store
    quiet: bool
    together: Together = ALONE

    @property
    def lessons(self) -> Lessons:
        """What is trained, on what, by whom."""
        return Lessons(self.recipe, self.quiet, self.together)

    # --- stages -----------------------------------------------------------------------------------

    def data(self) -> Kept:
        """Splits as files, as models read them: splits.npz for later stages, test.npz for `tinykit validate`."""
        return self._loaded() if self.recipe.features is None else self.behind(self.recipe.features)

    def behind(self, settings: Features, name: str = "features") -> Kept:
        """The same with this front end, as the stage `name`."""
        loaded = self._loaded()

        def make(folder: Path) -> dict[str, Any]:
            splits = featured(restore(loaded.folder), settings, folder)
            save(splits, folder)
            return {**loaded.facts, "warnings": list(splits.warnings), "shape": list(splits.shape)}

        code = ("data/splits.py", "data/rows.py", "arrays.py", "stored.py", "features", "pipeline/front_end.py")
        return self.store.stage(name, settings, (loaded,), code, make, libraries=("numpy",))

    def _loaded(self) -> Kept:
        """Splits as their source holds them."""

        def make(folder: Path) -> dict[str, Any]:
            splits = load(self.recipe.data, folder)
            for model in (self.recipe.teacher, self.recipe.student):
                if model is not None and isinstance(splits.x_labelled, Rows):
                    require_no_copies(model)
            save(splits, folder)
            return {
                "warnings": list(splits.warnings),
                "classes": list(splits.classes),
                "shape": list(splits.shape),
                "samples": {
                    "labelled": len(splits.y_labelled),
                    "pool": len(splits.x_pool),
                    "validation": len(splits.y_validation),
                    "test": len(splits.y_test),
                },
            }

        code = ("data", "arrays.py", "stored.py")
        return self.store.stage("data", self.recipe.data, (), code, make, libraries=("numpy", "scikit-learn"))

    def teacher(self, data: Kept) -> Kept:
        """The trained teachers, as models; several answer as their average."""

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.learn import models

            splits = restore(data.folder)
            # A student or hints that do not fit are refused now, not after the teacher's training.
            student = models.build(self.recipe.student, splits.shape, len(splits.classes), "student")
            self.lessons.features(splits, student)
            members, history = self.lessons.train_teachers(splits)
            if not self.lessons.is_given:
                for number, member in enumerate(members):
                    models.save(member, folder / f"teacher-{number}.keras")
            if self.recipe.teacher is not None and self.recipe.teacher.answers is not None:
                return {**_UNMEASURED, "history": history}
            test = models.averaged(members, splits.x_test)
            return {
                "accuracy": {
                    "validation": models.accuracy(models.averaged(members, splits.x_validation), splits.y_validation),
                    "test": models.accuracy(test, splits.y_test),
                },
                "confusion": models.confusion(test, splits.y_test, len(splits.classes)),
                "parameters": sum(int(member.count_params()) for member in members),
                "bytes": sum(4 * int(member.count_params()) for member in members),
                "history": history,
            }

        settings = (self.recipe.teacher, self.recipe.seeds[0], self.together.described)
        return self.store.stage("teacher", settings, (data,), _TRAINING, make, libraries=LIBRARIES)

    def outputs(self, data: Kept, teacher: Kept) -> Kept:
        """The teachers' averaged logits and the first one's features, computed once, in shards, for all that learns."""
        student, seed = self.recipe.student, self.recipe.seeds[0]

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.learn import hints, models

            splits = restore(data.folder)
            if self.lessons.is_given:
                members = self.lessons.given(splits)
            else:
                members = [models.restore(path) for path in sorted(teacher.folder.glob("teacher-*.keras"))]
            features = self.lessons.features(
                splits, models.build(student, splits.shape, len(splits.classes), "student")
            )
            x = augment(splits.x_train, student, seed)
            for number, start in enumerate(range(0, len(x), _SHARD)):
                part = take(x, slice(start, start + _SHARD))
                answers = models.averaged(members, part), hints.teacher_features(members[0], features, part)
                outputs = np.concatenate(answers, axis=1, dtype=np.float32)
                parts = {"outputs": (outputs.shape, "float32", [outputs])}
                write_npz_by_parts(folder / f"outputs-{number:04d}.npz", parts)
            return {"samples": len(x), "features": [dataclasses.asdict(feature) for feature in features]}

        hinted = (self.recipe.distill.hints, self.recipe.distill.attention) if self.recipe.distill else ()
        settings = (student, hinted, seed) if any(hinted) else (
            student.copies, student.shift, student.turn, student.zoom, seed
        )  # fmt: skip
        return self.store.stage("outputs", settings, (data, teacher), _TRAINING, make, libraries=LIBRARIES)

    def control(self, data: Kept, seed: int) -> Kept:
        """The student on the few labels alone, for as many steps as the distilled one."""

        def make(folder: Path) -> dict[str, Any]:
            splits = restore(data.folder)
            return self.lessons.train_student(folder, splits, self.lessons.task(splits, None), seed, "Control student")

        settings = (self.recipe.student, seed, self.recipe.seeds[0], self.together.described)
        return self.store.stage(f"control-{seed}", settings, (data,), _TRAINING, make, libraries=LIBRARIES)

    def distilled(self, data: Kept, outputs: Kept, seed: int) -> Kept:
        """The student on the few labels and the teacher's outputs for everything."""

        def make(folder: Path) -> dict[str, Any]:
            splits = restore(data.folder)
            return self.lessons.train_student(
                folder, splits, self.lessons.task(splits, outputs), seed, "Distilled student"
            )

        settings = (self.recipe.student, self.recipe.distill, seed, self.recipe.seeds[0], self.together.described)
        return self.store.stage(f"distilled-{seed}", settings, (data, outputs), _TRAINING, make, libraries=LIBRARIES)

    def given(self, data: Kept) -> Kept:
        """The student of a recipe without [distill] whose file holds it trained."""

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.learn import models

            splits = restore(data.folder)
            model = models.build(self.recipe.student, splits.shape, len(splits.classes), "student")
            return keep(model, folder, splits, [])

        return self.store.stage("student", self.recipe.student, (data,), _TRAINING, make, libraries=LIBRARIES)

    def pruned(self, data: Kept, outputs: Kept | None, student: Kept) -> Kept:
        """The student with its smallest weights gone, its teacher kept on."""
        settings = self.recipe.prune
        assert settings is not None

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.learn import backend, models, pruning, training

            splits, seed = restore(data.folder), self.recipe.seeds[0]
            backend.set_seed(seed)
            budget = training.Budget(settings.steps, settings.batch, settings.learning_rate, seed)
            task = self.lessons.task(splits, outputs)
            with self.together.scope():
                model = models.restore(student.folder / MODEL)
                layers = [dataclasses.asdict(layer) for layer in pruning.sensitivity(model, settings, task)]
                model, history = pruning.prune(model, settings, task, budget, quiet=self.quiet)
            return {**keep(model, folder, splits, history), "sensitivity": layers}

        after = (data, student) if outputs is None else (data, student, outputs)
        parts = (
            settings, self.recipe.distill, self.recipe.student, self.recipe.seeds[0], self.together.described
        )  # fmt: skip
        return self.store.stage("pruned", parts, after, _TRAINING, make, libraries=LIBRARIES)

    def bought(self, data: Kept, student: Kept, pruned: Kept, target: Target) -> Kept:
        """What pruning buys on the board: the plan's cost of the student's int8 form without and with it.

        The first of the two is kept as dense.tflite.
        """

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.graph.reader import read_graph
            from tinykit.learn import convert, models
            from tinykit.plan.build import make_plan

            shown, facts = restore(data.folder).x_train[:_ENOUGH_TO_PRICE], {}
            wide = self.recipe.quantize.method == "int16x8"
            softmax = models.ends_in_softmax(self.recipe.student)
            for name, stage in (("before", student), ("after", pruned)):
                content = convert.to_int8(models.restore(stage.folder / MODEL), shown, softmax=softmax, wide=wide)
                if name == "before":
                    (folder / DENSE).write_bytes(content)
                cost = make_plan(read_graph(content), target, self.recipe.board.optimize).cost
                facts[name] = {"flash": cost.flash, "ram": cost.ram, "instructions": cost.instructions}
            return facts

        code = (*_TRAINING, "graph", "kernels", "plan", "targets.py")
        settings = (target.name, self.recipe.board.optimize, self.recipe.quantize.method == "int16x8")
        return self.store.stage("bought", settings, (data, student, pruned), code, make, libraries=LIBRARIES)

    def int8(self, data: Kept, outputs: Kept | None, student: Kept) -> Kept:
        """model.tflite, full int8, batch 1."""
        settings = self.recipe.quantize

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.learn import backend, convert, models, qat, training

            splits, seed = restore(data.folder), self.recipe.seeds[0]
            backend.set_seed(seed)
            history: list[dict[str, float]] = []
            wide = settings.method == "int16x8"
            with self.together.scope():
                model = models.restore(student.folder / MODEL)
                if settings.method in TRAINED_METHODS:
                    model, history = qat.quantization_aware(
                        model,
                        self.lessons.task(splits, outputs),
                        training.Budget(settings.steps, settings.batch, settings.learning_rate, seed),
                        keep_zeros=settings.method == "prune-preserving-qat",
                        quiet=self.quiet,
                    )
            shown = np.random.default_rng(seed).permutation(len(splits.x_train))[: settings.representative]
            softmax = models.ends_in_softmax(self.recipe.student)
            content = convert.to_int8(model, splits.x_train[shown], softmax=softmax, wide=wide)
            content = described(content, splits)
            (folder / "model.tflite").write_bytes(content)
            normalized = keep_samples(content, splits, folder)
            zeros = int8_sparsity(content)
            if self.recipe.prune is not None:
                require_int8_sparsity(zeros, student.facts["sparsity"])
            return {"bytes": len(content), "history": history, "sparsity": zeros, **normalized}

        after = (data, student) if outputs is None else (data, student, outputs)
        parts = (
            settings, self.recipe.distill, self.recipe.student, self.recipe.seeds[0], self.together.described
        )  # fmt: skip
        code = (*_TRAINING, "graph", "features", "pipeline/judging.py", "pipeline/values.py")
        return self.store.stage("int8", parts, after, code, make, libraries=LIBRARIES)

    def judged(self, data: Kept, int8: Kept) -> Kept:
        """What the int8 model scores by TFLM, the judge, on validation and test."""

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.learn.models import accuracy, confusion

            model = (int8.folder / "model.tflite").read_bytes()
            samples = samples_folder(data, int8)
            validation, y_validation = judged_scores(model, samples / "validation.npz")
            test, y_test = judged_scores(model, samples / "test.npz")
            scale = logit_scale(model)
            referred = referral.facts(self.recipe.refer, (validation, y_validation), (test, y_test), scale)
            return {
                **referred,
                "accuracy": {"validation": accuracy(validation, y_validation), "test": accuracy(test, y_test)},
                "confusion": confusion(test, y_test, len(data.facts["classes"])),
            }

        code = (
            "validate/judge.py", "validate/judge_worker.py", "validate/samples.py", "graph", "pipeline/judging.py",
            "pipeline/referral.py", "pipeline/calibration.py",
        )  # fmt: skip
        settings = () if self.recipe.refer is None else self.recipe.refer
        return self.store.stage("judged", settings, (data, int8), code, make, libraries=("tflite-micro", "numpy"))

    def diagnosed(self, data: Kept, student: Kept, int8: Kept) -> Kept:
        """Every layer's error by quantization, on validation samples, the one that adds most first."""

        def make(folder: Path) -> dict[str, Any]:
            from tinykit.learn import diagnosis, models

            found = diagnosis.diagnose(
                models.restore(student.folder / MODEL),
                (int8.folder / "model.tflite").read_bytes(),
                restore(data.folder).x_validation,
                softmax=models.ends_in_softmax(self.recipe.student),
            )
            return {"layers": [dataclasses.asdict(layer) for layer in found]}

        code = (*_TRAINING, "graph", "validate/judge.py", "validate/samples.py")
        libraries = (*LIBRARIES, "tflite-micro")
        return self.store.stage("diagnosed", (), (data, student, int8), code, make, libraries=libraries)
