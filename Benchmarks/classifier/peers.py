"""The peers of the classifier: each learns two lists of files, and gives a score for each of a third; more is more spam."""
import os, shutil, subprocess, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def lines(paths):
    return "".join(path + "\n" for path in paths)


class Ours:
    name = "Postroom"

    def __init__(self, program):
        self.program = program

    def scores(self, ham, spam, tests):
        job = "".join(f"{kind} {path}\n" for kind, paths in (("ham", ham), ("spam", spam), ("test", tests))
                      for path in paths)
        answer = subprocess.run([self.program], input=job, text=True, capture_output=True, check=True).stdout
        return [float(line.split()[0]) for line in answer.splitlines()]


class Bogofilter:
    """Its default settings, in bulk mode."""
    name = "bogofilter"

    @staticmethod
    def available():
        return shutil.which("bogofilter") is not None

    def scores(self, ham, spam, tests):
        folder = tempfile.mkdtemp(prefix="bogofilter-")
        try:
            base = ["bogofilter", "-C", "-d", folder]
            for flag, paths in (("-n", ham), ("-s", spam)):
                subprocess.run(base + [flag, "-b"], input=lines(paths), text=True, check=True, capture_output=True)
            # -TT prints the number with all its digits. Exit status 0 to 2 is the class.
            answer = subprocess.run(base + ["-TT", "-b"], input=lines(tests), text=True, capture_output=True)
            assert answer.returncode in (0, 1, 2), answer.stderr
            return [float(line.split()[-1]) for line in answer.stdout.splitlines()]
        finally:
            shutil.rmtree(folder)


class SpamAssassinBayes:
    """The Bayes of SpamAssassin alone, by its own modules: no rules, no network."""
    name = "SpamAssassin's Bayes"

    @staticmethod
    def available():
        return shutil.which("perl") is not None and subprocess.run(
            ["perl", "-MMail::SpamAssassin", "-e", "1"], capture_output=True).returncode == 0

    def scores(self, ham, spam, tests):
        folder = tempfile.mkdtemp(prefix="spamassassin-")
        try:
            job = "".join(f"{kind} {path}\n" for kind, paths in (("ham", ham), ("spam", spam), ("test", tests))
                          for path in paths)
            answer = subprocess.run(["perl", os.path.join(HERE, "spamassassin.pl"), folder], input=job, text=True,
                                    capture_output=True)
            assert answer.returncode == 0, answer.stderr
            return [float(line) for line in answer.stdout.splitlines()]
        finally:
            shutil.rmtree(folder)
