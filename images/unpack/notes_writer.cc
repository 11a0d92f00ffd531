// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/notes_writer.h"

#include <endian.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/file_io.h"
#include "images/unpack/limits.h"

namespace davit::images {
namespace {

constexpr size_t kNotesPerPart = 128;
constexpr size_t kMostFieldBytes = 16;  // besides the paths: tags and lengths
static_assert(kNotesPerPart * 2 * (UnpackLimits().path_bytes + kMostFieldBytes) <= kMaxNotesPart);

Result<> WritePart(int fd, LayerNotes part, SpaceReserve& space) {
  std::string message = Encode(part);
  uint32_t size = htole32(static_cast<uint32_t>(message.size()));
  message.insert(0, reinterpret_cast<const char*>(&size), sizeof size);
  TRY(space.Use(message.size(), /*files=*/0));
  return WriteAll(fd, message, "notes of the layer");
}

template <typename T>
Result<> WriteList(int fd, const LayerNotes& notes, std::vector<T> LayerNotes::* list, SpaceReserve& space) {
  const std::vector<T>& all = notes.*list;
  for (auto at = all.begin(); at != all.end();) {
    auto end = at + std::min<ptrdiff_t>(kNotesPerPart, all.end() - at);
    LayerNotes part;
    (part.*list).assign(at, end);
    TRY(WritePart(fd, std::move(part), space));
    at = end;
  }
  return {};
}

}  // namespace

Result<> WriteNotes(int fd, const LayerNotes& notes, SpaceReserve& space) {
  TRY(WriteList(fd, notes, &LayerNotes::implicit_dirs, space));
  TRY(WriteList(fd, notes, &LayerNotes::opaque_dirs, space));
  TRY(WriteList(fd, notes, &LayerNotes::pending_links, space));
  return WriteList(fd, notes, &LayerNotes::checksums, space);
}

}  // namespace davit::images
