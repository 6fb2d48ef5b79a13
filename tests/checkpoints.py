"""A checkpoint of a few thousand weights, for the tests of the encoder: nothing is downloaded for them."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from verdict.base.files import sha256
from verdict.classifier.models.encoder.network import backbone

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
CONFIG = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}


def tokenizer() -> Tokenizer:
    """Pieces of one character, as a word's beginning or its continuation."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"
    pieces = [*_SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    wordpiece = Tokenizer(models.WordPiece({piece: place for place, piece in enumerate(pieces)}, unk_token="[UNK]"))  # noqa: S106
    wordpiece.normalizer = normalizers.BertNormalizer(lowercase=True)
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    wordpiece.decoder = decoders.WordPiece()
    return wordpiece


def write_checkpoint(folder: Path, **changes: object) -> str:
    """Write config.json, tokenizer.json and model.safetensors, and return the reference that params.yaml takes."""
    folder.mkdir(parents=True)
    wordpiece = tokenizer()
    config = {**CONFIG, "vocab_size": wordpiece.get_vocab_size(), **changes}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    wordpiece.save(str(folder / "tokenizer.json"))
    torch.manual_seed(1)
    save_file(backbone(config).state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    return f"{folder}@{sha256(folder / 'model.safetensors')}"
