"""gensim beside Kasane: word vectors of the same text with the same settings, judged by the same tests.

    python3 bench/gensim/compare.py TEXT --tests FOLDER [--beside RUN/vectors.txt ...] [--method cbow] [--subwords] [--threads 2] ...

Sets gensim up in an environment of its own, bench/gensim/.venv, when it is first called. TEXT is a file of words between spaces (.gz or not), FOLDER
has questions-words.txt, wordsim353.tsv and simlex999.tsv. Vectors of Kasane's runs are read from their files, in word2vec's text format, and judged
by gensim too.
"""

import argparse
import gzip
import os
import subprocess
import sys
import time
from pathlib import Path

GENSIM = "gensim==4.4.0"
environment = Path(__file__).parent / ".venv"


def set_up():
    """Goes on in the environment of gensim, which is made where there is none."""
    python = environment / "bin" / "python"
    if Path(sys.prefix).resolve() == environment.resolve():
        return
    if not (environment / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", GENSIM], check=True)
        (environment / "ready").touch()
    os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    os.execv(python, [str(python), *sys.argv])


class Lines:
    """The lines of a text, as lists of words, of at most 10,000 each."""

    def __init__(self, path):
        self.path = path

    def __iter__(self):
        with (gzip.open if self.path.endswith(".gz") else open)(self.path, "rt", encoding="utf-8") as text:
            for line in text:
                words = line.split()
                for start in range(0, len(words), 10_000):
                    yield words[start : start + 10_000]


def judge(vectors, tests):
    """Right answers in percent (all, of meaning, of grammar), questions covered, and two rank correlations."""
    _, groups = vectors.evaluate_word_analogies(tests / "questions-words.txt", restrict_vocab=len(vectors))
    groups = [group for group in groups if group["section"] != "Total accuracy"]

    def share(chosen):
        right = sum(len(group["correct"]) for group in chosen)
        asked = right + sum(len(group["incorrect"]) for group in chosen)
        return 100 * right / max(1, asked), asked

    is_grammar = [group["section"].startswith("gram") for group in groups]
    every, asked = share(groups)
    meaning, _ = share([group for group, grammar in zip(groups, is_grammar) if not grammar])
    grammar, _ = share([group for group, grammar in zip(groups, is_grammar) if grammar])
    similar = [vectors.evaluate_word_pairs(tests / name)[1].statistic for name in ("wordsim353.tsv", "simlex999.tsv")]
    return f"{every:9.2f} {meaning:8.2f} {grammar:8.2f} {asked:8d} {similar[0]:8.3f} {similar[1]:8.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text")
    parser.add_argument("--tests", type=Path, required=True)
    parser.add_argument("--beside", action="append", default=[])
    parser.add_argument("--method", choices=["skip-gram", "cbow"], default="skip-gram")
    parser.add_argument("--loss", choices=["negative-sampling", "hierarchical-softmax"], default="negative-sampling")
    parser.add_argument("--subwords", action="store_true")
    parser.add_argument("--buckets", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--minimum-count", type=int, default=5)
    parser.add_argument("--negatives", type=int, default=5)
    parser.add_argument("--subsampling", type=float, default=1e-3)
    parser.add_argument("--learning-rate", type=float, default=0.025)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    from gensim.models import FastText, KeyedVectors, Word2Vec

    is_tree = options.loss == "hierarchical-softmax"
    settings = dict(
        vector_size=options.size,
        window=options.window,
        min_count=options.minimum_count,
        sg=int(options.method == "skip-gram"),
        hs=int(is_tree),
        negative=0 if is_tree else options.negatives,
        sample=options.subsampling,
        alpha=options.learning_rate,
        epochs=options.epochs,
        workers=options.threads,
        seed=options.seed,
    )
    if options.subwords:
        model = FastText(min_n=3, max_n=6, bucket=options.buckets, **settings)
    else:
        model = Word2Vec(**settings)
    lines = Lines(options.text)
    model.build_vocab(lines)
    start, cpu = time.perf_counter(), time.process_time()
    model.train(lines, total_examples=model.corpus_count, epochs=options.epochs)
    words = model.corpus_total_words * options.epochs
    speed, per_cpu = words / (time.perf_counter() - start), words / (time.process_time() - cpu)

    print("           analogies  meaning  grammar  covered  WordSim  SimLex")
    print(f"gensim     {judge(model.wv, options.tests)}")
    for path in options.beside:
        print(f"{Path(path).parent.name[:10]:10s} {judge(KeyedVectors.load_word2vec_format(path), options.tests)}")
    print(f"gensim: {speed / 1000:.0f} thousand words a second, {per_cpu / 1000:.0f} of processor time ({options.threads} threads)")


set_up()
main()
