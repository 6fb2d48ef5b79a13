"""Learn a representation on the training split, and write it with the features of both splits."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from verdict.classifier.features import tfidf
from verdict.classifier.features.pretrained import START, checkpoint, copy_checkpoint
from verdict.classifier.features.sparse_io import write_matrix
from verdict.classifier.features.tfidf_io import save_tfidf
from verdict.classifier.features.tokens import save_tokeniser, tokeniser_of, write_tokens
from verdict.classifier.params import Featurize

Texts = Mapping[str, Sequence[str]]  # by split; `train` is among them


def write_tfidf(folder: Path, texts: Texts, settings: Featurize) -> str:
    """Word and character TF-IDF, learnt on `train`; how many n-grams, in words."""
    encoder = tfidf.fit(texts["train"], settings)
    save_tfidf(folder, encoder)
    for name, of_split in texts.items():
        write_matrix(folder / f"{name}.safetensors", encoder.transform(of_split))
    return f"{len(encoder.word.terms)} word and {len(encoder.char.terms)} character n-grams"


def write_token_ids(folder: Path, texts: Texts, settings: Featurize) -> str:
    """Token ids, and the checkpoint that they belong to; how many, and how many texts are cut, in words."""
    source = checkpoint(settings.tokens.checkpoint)
    tokeniser = tokeniser_of(source, settings.tokens.max_tokens)
    copy_checkpoint(source, folder / START)
    save_tokeniser(folder, tokeniser)
    cut = total = 0
    for name, of_split in texts.items():
        tokens = tokeniser.transform(of_split)
        write_tokens(folder / f"{name}.safetensors", tokens)
        cut, total = cut + int((tokens.lengths == tokeniser.max_tokens).sum()), total + len(tokens.ids)
    return f"{total} token ids; {cut} texts reach {tokeniser.max_tokens} tokens, where they are cut"
