"""Checks a Mach-O for Apple Silicon: deployment target, signature, imports, size.

Prints what it found and exits 1 when something is not as it must be. The list of
imports names each symbol as `library symbol`, and each library that may be
loaded as `library` alone, one a line. A binary may import less, never more.
"""

import argparse
import pathlib
import sys

import lief

# On arm64 macOS runs nothing that is not signed; a linker signs ad hoc.
CS_ADHOC = 0x2
CODE_DIRECTORY = 0xFADE0C02
EMBEDDED_SIGNATURE = 0xFADE0CC0


def code_directory_flags(data: bytes, offset: int) -> int | None:
    """Flags of the code directory in the signature at `offset`, big endian (cs_blobs.h)."""

    def u32(at: int) -> int:
        return int.from_bytes(data[at : at + 4], "big")

    if u32(offset) != EMBEDDED_SIGNATURE:
        return None
    for index in range(u32(offset + 8)):
        blob = offset + u32(offset + 12 + index * 8 + 4)
        if u32(blob) == CODE_DIRECTORY:
            return u32(blob + 12)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--imports", type=pathlib.Path, required=True)
    parser.add_argument("--minos", required=True)
    parser.add_argument("--max-bytes", type=int, required=True)
    parser.add_argument("--accept", action="store_true", help="add what is imported to the list")
    args = parser.parse_args()

    lief.logging.disable()
    fat = lief.MachO.parse(str(args.file))
    if fat is None:
        print(f"error: `{args.file}` is not a Mach-O")
        return 1
    binary = fat.at(0)
    data = args.file.read_bytes()
    failures = []

    if binary.header.cpu_type != lief.MachO.Header.CPU_TYPE.ARM64:
        failures.append(f"built for {binary.header.cpu_type}, not arm64")

    minos = "none"
    if binary.has_build_version:
        minos = ".".join(str(part) for part in binary.build_version.minos[:2])
    if minos != args.minos:
        failures.append(f"deployment target is {minos}, not {args.minos}")

    flags = None
    if binary.has_code_signature:
        flags = code_directory_flags(data, binary.code_signature.data_offset)
    if flags is None:
        failures.append("no code signature: Apple Silicon would not start it")

    imports = set()
    for symbol in binary.imported_symbols:
        library = "unbound"
        if symbol.has_binding_info and symbol.binding_info.has_library:
            library = symbol.binding_info.library.name
        elif symbol.library_ordinal > 0 and symbol.library_ordinal <= len(binary.libraries):
            library = binary.libraries[symbol.library_ordinal - 1].name
        imports.add((library, symbol.name))
    loaded = {(library.name, "") for library in binary.libraries}

    comments, allowed = [], set()
    for line in args.imports.read_text().splitlines():
        if line.startswith("#"):
            comments.append(line)
        elif line.strip():
            library, _, symbol = line.partition(" ")
            allowed.add((library, symbol))
    new = sorted((imports | loaded) - allowed)
    if args.accept and new:
        lines = [f"{library} {symbol}".rstrip() for library, symbol in sorted(allowed | set(new))]
        args.imports.write_text("\n".join(comments + lines) + "\n")
        print(f"accepted {len(new)} imports into {args.imports}")
    elif new:
        names = "\n".join(f"  {library} {symbol}".rstrip() for library, symbol in new)
        failures.append(
            f"imports that are not in {args.imports}:\n{names}\n"
            f"hint: when each has existed since macOS {args.minos}, run `scripts/cross --accept`"
        )

    signature = "none" if flags is None else f"flags {flags:#x}" + (" (ad hoc)" if flags & CS_ADHOC else "")
    size = len(data)
    print(f"file               {args.file}")
    print(f"deployment target  {minos}")
    print(f"signature          {signature}")
    for library in sorted({library.name for library in binary.libraries}):
        print(f"loads              {library} ({sum(1 for l, _ in imports if l == library)} symbols)")
    print(f"size               {size} bytes, {size / 2**20:.2f} MiB of {args.max_bytes / 2**20:.1f} MiB")
    if size > args.max_bytes:
        failures.append(f"larger than {args.max_bytes} bytes")
    for failure in failures:
        print(f"error: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
