// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Reads a tar stream once, front to back: V7, ustar, PAX, GNU and STAR archives, sparse files in all four
// forms.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/unpack/chunk_stream.h"
#include "images/unpack/limits.h"
#include "images/unpack/pax.h"
#include "images/unpack/tar_entry.h"
#include "images/unpack/tar_header.h"

namespace davit::images {

// Errors: kInvalidArgument for a malformed archive, kDataLoss for a truncated one, kResourceExhausted beyond
// the limits, and the errors of the stream. After an error the reader cannot be used any more.
class TarReader {
 public:
  // `stream` and `limits` outlive the reader.
  TarReader(ChunkStream& stream, const UnpackLimits& limits) : stream_(stream), limits_(limits) {}

  // The next entry; unread data of the previous entry is skipped. nullopt at the end of the archive.
  Result<std::optional<TarEntry>> Next();

  // The next piece of the entry's data, valid until the next call of any method; empty at the end. For a
  // sparse file this is the data of its segments, one after the other.
  Result<std::string_view> ReadData();

  // Reads on from the archive's end mark to the end of the stream, so that a digest of the stream covers all
  // of it.
  Result<> Drain();

 private:
  // Values collected from the extension headers in front of an entry.
  struct Pending {
    std::optional<std::string> long_name;
    std::optional<std::string> long_link;
    PaxRecords pax;
    size_t bytes = 0;
  };

  Result<std::optional<TarHeader>> NextHeader();
  Result<bool> TakeExtension(const TarHeader& header, Pending& pending);
  Result<TarEntry> Complete(TarHeader header, Pending pending);
  Result<> ReadSparseMap(TarHeader& header, const PaxRecords& pax, TarEntry& entry);
  Result<std::vector<SparseSegment>> ReadMapInData();
  Result<> CheckSegments(const TarEntry& entry) const;

  Result<> Fill();                   // makes chunk_ non-empty, unless the stream is at its end
  Result<std::string_view> Block();  // the next 512 bytes; fewer only at the end of the stream
  Result<std::string> ReadText(uint64_t size, Pending& pending);
  Result<> Skip(uint64_t size);
  Result<bool> SkipUnlessAtEnd(uint64_t size);  // false if the stream ended before

  ChunkStream& stream_;
  const UnpackLimits& limits_;
  std::string_view chunk_;  // the unread rest of the stream's last piece
  std::string gathered_;    // a block that spanned two pieces
  uint64_t bytes_read_ = 0;
  uint64_t entries_ = 0;
  uint64_t data_left_ = 0;     // of the current entry
  uint64_t padding_left_ = 0;  // after it, up to the next block
  bool at_end_ = false;        // the end mark was seen
};

}  // namespace davit::images
