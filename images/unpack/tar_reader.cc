// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/tar_reader.h"

#include <algorithm>

namespace davit::images {
namespace {

constexpr int64_t kMaxId = 0xfffffffe;  // (uid_t)-1 means "leave it" to chown(2)
constexpr int64_t kMaxMajor = (1 << 12) - 1;
constexpr int64_t kMaxMinor = (1 << 20) - 1;

std::unexpected<Error> Malformed(std::string_view subject, std::string_view why) {
  return Fail(Code::kInvalidArgument, "read tar", subject, why);
}
std::unexpected<Error> CutOff() {
  return Fail(Code::kDataLoss, "read tar", "layer", "ends in the middle of an entry");
}
std::unexpected<Error> TooMuch(std::string_view what) {
  return Fail(Code::kResourceExhausted, "read tar", "layer", what);
}

uint64_t PaddingAfter(uint64_t size) {
  return (kTarBlock - size % kTarBlock) % kTarBlock;
}

// Links, devices and directories have no data whatever their size field says; so every reader takes them.
bool HasData(TarType type) {
  return type == TarType::kFile;
}

Result<TarType> TypeOf(const TarHeader& header, std::string_view name) {
  switch (header.type_flag) {
    case '0':
    case '\0':
      // V7 has no directories but by name.
      return name.ends_with('/') ? TarType::kDirectory : TarType::kFile;
    case '7':  // contiguous
    case 'S':  // GNU sparse
      return TarType::kFile;
    case '1':
      return TarType::kHardLink;
    case '2':
      return TarType::kSymlink;
    case '3':
      return TarType::kCharDevice;
    case '4':
      return TarType::kBlockDevice;
    case '5':
      return TarType::kDirectory;
    case '6':
      return TarType::kFifo;
    default:
      return Fail(Code::kUnimplemented, "read tar", name,
                  "entry of unknown type " + std::to_string(static_cast<unsigned char>(header.type_flag)));
  }
}

}  // namespace

Result<> TarReader::Fill() {
  if (!chunk_.empty()) return {};
  chunk_ = TRY(stream_.Next());
  bytes_read_ += chunk_.size();
  if (bytes_read_ > limits_.stream_bytes) return TooMuch("too many bytes");
  return {};
}

Result<std::string_view> TarReader::Block() {
  TRY(Fill());
  if (chunk_.size() >= kTarBlock) {
    std::string_view block = chunk_.substr(0, kTarBlock);
    chunk_.remove_prefix(kTarBlock);
    return block;
  }
  gathered_.clear();
  while (gathered_.size() < kTarBlock) {
    TRY(Fill());
    if (chunk_.empty()) break;
    size_t taken = std::min(chunk_.size(), kTarBlock - gathered_.size());
    gathered_.append(chunk_.substr(0, taken));
    chunk_.remove_prefix(taken);
  }
  return std::string_view(gathered_);
}

Result<bool> TarReader::SkipUnlessAtEnd(uint64_t size) {
  while (size > 0) {
    TRY(Fill());
    if (chunk_.empty()) return false;
    size_t taken = static_cast<size_t>(std::min<uint64_t>(size, chunk_.size()));
    chunk_.remove_prefix(taken);
    size -= taken;
  }
  return true;
}

Result<> TarReader::Skip(uint64_t size) {
  return TRY(SkipUnlessAtEnd(size)) ? Result<>() : CutOff();
}

Result<std::string> TarReader::ReadText(uint64_t size, Pending& pending) {
  if (size > limits_.header_bytes || pending.bytes + size > limits_.header_bytes) {
    return TooMuch("an entry's extended headers are too large");
  }
  pending.bytes += size;
  std::string text;
  while (text.size() < size) {
    TRY(Fill());
    if (chunk_.empty()) return CutOff();
    size_t taken = std::min(chunk_.size(), static_cast<size_t>(size) - text.size());
    text.append(chunk_.substr(0, taken));
    chunk_.remove_prefix(taken);
  }
  TRY(Skip(PaddingAfter(size)));
  return text;
}

// The end of an archive is two blocks of zeros; many writers leave one or both out.
Result<std::optional<TarHeader>> TarReader::NextHeader() {
  std::string_view block = TRY(Block());
  if (block.empty()) return std::nullopt;
  if (block.size() < kTarBlock) return CutOff();
  if (!IsZeroBlock(block)) return TRY(ParseTarHeader(block));
  block = TRY(Block());
  if (!block.empty() && block.size() < kTarBlock) return CutOff();
  if (!IsZeroBlock(block)) return Malformed("layer", "data after a block of zeros");
  return std::nullopt;
}

// True when the header was no entry of its own but said something about the next one.
Result<bool> TarReader::TakeExtension(const TarHeader& header, Pending& pending) {
  uint64_t size = static_cast<uint64_t>(header.size);
  auto until_nul = [](std::string text) { return text.substr(0, text.find('\0')); };
  switch (header.type_flag) {
    case 'x':
    case 'X':  // as old Solaris wrote it
      pending.pax = TRY(ParsePax(TRY(ReadText(size, pending)), limits_));
      return true;
    case 'L':
      pending.long_name = until_nul(TRY(ReadText(size, pending)));
      return true;
    case 'K':
      pending.long_link = until_nul(TRY(ReadText(size, pending)));
      return true;
    case 'g':  // defaults for all that follows: image tools ignore them (git archive puts a comment there)
    case 'V':  // volume label
      TRY(ReadText(size, pending));
      return true;
    default:
      return false;
  }
}

Result<std::optional<TarEntry>> TarReader::Next() {
  TRY(Skip(data_left_));
  // Some writers leave out the padding after the last file. Whether the layer is whole, its digests say.
  TRY(SkipUnlessAtEnd(padding_left_));
  data_left_ = padding_left_ = 0;
  if (at_end_) return std::nullopt;
  Pending pending;
  bool extended = false;
  while (true) {
    std::optional<TarHeader> header = TRY(NextHeader());
    if (!header) {
      if (extended) return CutOff();
      at_end_ = true;
      return std::nullopt;
    }
    if (++entries_ > limits_.entries) return TooMuch("too many entries");
    if (TRY(TakeExtension(*header, pending))) {
      extended = header->type_flag != 'g' && header->type_flag != 'V';
      continue;
    }
    return TRY(Complete(std::move(*header), std::move(pending)));
  }
}

// Puts together what all headers say; PAX wins over GNU's long names, and both over the header itself.
Result<TarEntry> TarReader::Complete(TarHeader header, Pending pending) {
  PaxRecords& pax = pending.pax;
  TarEntry entry;
  entry.name = pax.sparse_name.value_or(pax.path.value_or(pending.long_name.value_or(header.name)));
  entry.link = pax.link_path.value_or(pending.long_link.value_or(header.link));
  if (entry.name.empty()) return Malformed("layer", "an entry without a name");
  entry.type = TRY(TypeOf(header, entry.name));
  entry.mode = static_cast<mode_t>(header.mode & 07777);
  int64_t uid = pax.uid.value_or(header.uid);
  int64_t gid = pax.gid.value_or(header.gid);
  if (uid < 0 || uid > kMaxId || gid < 0 || gid > kMaxId) return Malformed(entry.name, "owner out of range");
  entry.uid = static_cast<uid_t>(uid);
  entry.gid = static_cast<gid_t>(gid);
  entry.mtime = pax.mtime.value_or(timespec{header.mtime, 0});
  entry.atime = pax.atime;
  entry.xattrs = std::move(pax.xattrs);
  if (entry.type == TarType::kCharDevice || entry.type == TarType::kBlockDevice) {
    bool valid = header.device_major >= 0 && header.device_major <= kMaxMajor && header.device_minor >= 0 &&
                 header.device_minor <= kMaxMinor;
    if (!valid) return Malformed(entry.name, "device number out of range");
    entry.device_major = static_cast<unsigned>(header.device_major);
    entry.device_minor = static_cast<unsigned>(header.device_minor);
  }
  if (pax.size) header.size = *pax.size;
  if (header.size < 0) return Malformed(entry.name, "negative size");
  if (!HasData(entry.type)) return entry;
  data_left_ = static_cast<uint64_t>(header.size);
  padding_left_ = PaddingAfter(data_left_);
  entry.size = data_left_;
  if (header.type_flag == 'S' || pax.IsSparse()) TRY(ReadSparseMap(header, pax, entry));
  if (entry.size > limits_.file_bytes) return TooMuch("a file is too large");
  return entry;
}

Result<> TarReader::ReadSparseMap(TarHeader& header, const PaxRecords& pax, TarEntry& entry) {
  if (header.type_flag == 'S') {
    while (header.more_segments) {
      std::string_view block = TRY(Block());
      if (block.size() < kTarBlock) return CutOff();
      header.more_segments = TRY(ParseSparseExtension(block, header.segments));
      if (header.segments.size() > limits_.sparse_segments)
        return TooMuch("too many segments in a sparse file");
    }
    entry.segments = std::move(header.segments);
    entry.size = static_cast<uint64_t>(header.real_size);
  } else {
    if (!pax.sparse_real_size || *pax.sparse_real_size < 0)
      return Malformed(entry.name, "sparse file without a size");
    entry.segments = pax.sparse_map_in_data ? TRY(ReadMapInData()) : *pax.sparse_map;
    entry.size = static_cast<uint64_t>(*pax.sparse_real_size);
  }
  return CheckSegments(entry);
}

// Format 1.0: "<count>\n" and for each segment "<offset>\n<length>\n", padded to whole blocks, in front of
// the data.
Result<std::vector<SparseSegment>> TarReader::ReadMapInData() {
  std::string text;
  size_t pos = 0;
  auto number = [&, this]() -> Result<uint64_t> {
    size_t end;
    while ((end = text.find('\n', pos)) == std::string::npos) {
      constexpr size_t kLongestNumber = 32;
      if (text.size() - pos > kLongestNumber + kTarBlock || data_left_ < kTarBlock) {
        return Malformed("sparse map", "malformed");
      }
      std::string_view block = TRY(Block());
      if (block.size() < kTarBlock) return CutOff();
      data_left_ -= kTarBlock;
      text.erase(0, pos);
      pos = 0;
      text += block;
    }
    uint64_t value = TRY(ParseDecimal(std::string_view(text).substr(pos, end - pos)));
    pos = end + 1;
    return value;
  };
  uint64_t count = TRY(number());
  if (count > limits_.sparse_segments) return TooMuch("too many segments in a sparse file");
  std::vector<SparseSegment> segments;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t offset = TRY(number());
    segments.push_back({offset, TRY(number())});
  }
  return segments;
}

Result<> TarReader::CheckSegments(const TarEntry& entry) const {
  uint64_t end = 0;
  uint64_t data = 0;
  for (const SparseSegment& segment : *entry.segments) {
    bool inside = segment.offset >= end && segment.offset <= entry.size &&
                  segment.length <= entry.size - segment.offset;
    if (!inside) return Malformed(entry.name, "sparse segments overlap or leave the file");
    end = segment.offset + segment.length;
    data += segment.length;
  }
  // All its data must be there: less would leave zeros where the file has none.
  if (data != data_left_) return Malformed(entry.name, "sparse segments and data differ in size");
  return {};
}

Result<std::string_view> TarReader::ReadData() {
  if (data_left_ == 0) return std::string_view();
  TRY(Fill());
  if (chunk_.empty()) return CutOff();
  std::string_view piece =
      chunk_.substr(0, static_cast<size_t>(std::min<uint64_t>(data_left_, chunk_.size())));
  chunk_.remove_prefix(piece.size());
  data_left_ -= piece.size();
  return piece;
}

Result<> TarReader::Drain() {
  while (true) {
    chunk_ = {};
    TRY(Fill());
    if (chunk_.empty()) return {};
  }
}

}  // namespace davit::images
