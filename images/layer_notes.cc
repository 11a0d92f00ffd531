// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_notes.h"

#include <endian.h>
#include <unistd.h>

#include <cstdint>
#include <iterator>
#include <utility>

namespace davit::images {
namespace {

constexpr char kSubject[] = "notes of the layer";

std::unexpected<Error> Malformed(std::string_view why) {
  return Fail(Code::kInternal, "read", kSubject, why);
}

// False at the end of the file.
Result<bool> ReadAt(int fd, off_t& position, char* to, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t got = TEMP_FAILURE_RETRY(pread(fd, to + done, size - done, position));
    if (got < 0) return SystemError("read", kSubject);
    if (got == 0 && done == 0) return false;
    if (got == 0) return Malformed("cut off");
    done += static_cast<size_t>(got);
    position += got;
  }
  return true;
}

// Reads part after part into one buffer.
class Parts {
 public:
  explicit Parts(int fd) : fd_(fd) {}

  // False after the last part.
  Result<bool> Next(LayerNotes& part) {
    uint32_t size = 0;
    if (!TRY(ReadAt(fd_, position_, reinterpret_cast<char*>(&size), sizeof size))) return false;
    size = le32toh(size);
    if (size == 0 || size > kMaxNotesPart) return Malformed("a part has a wrong size");
    buffer_.resize(size);
    if (!TRY(ReadAt(fd_, position_, buffer_.data(), size))) return Malformed("cut off");
    part = TRY(Decode<LayerNotes>(buffer_, kSubject));
    return true;
  }

 private:
  const int fd_;
  off_t position_ = 0;
  std::string buffer_;
};

size_t CostOf(const std::string& path) {
  return path.size() + kNoteOverhead;
}
size_t CostOf(const PendingLink& link) {
  return link.path.size() + link.target.size() + kNoteOverhead;
}

template <typename T>
size_t CostOf(const std::vector<T>& notes) {
  size_t cost = 0;
  for (const T& note : notes) cost += CostOf(note);
  return cost;
}

template <typename T>
void Append(std::vector<T>& to, std::vector<T>& part) {
  to.insert(to.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
}

}  // namespace

Result<LayerNotes> ReadNotes(int fd) {
  LayerNotes notes;
  size_t bytes = 0;
  Parts parts(fd);
  for (LayerNotes part; TRY(parts.Next(part));) {
    bytes += CostOf(part.implicit_dirs) + CostOf(part.opaque_dirs) + CostOf(part.pending_links);
    if (bytes > kMostNoteBytes || notes.checksums.size() + part.checksums.size() > kMostChecksums)
      return Fail(Code::kResourceExhausted, "read", kSubject, "too many");
    Append(notes.implicit_dirs, part.implicit_dirs);
    Append(notes.opaque_dirs, part.opaque_dirs);
    Append(notes.pending_links, part.pending_links);
    Append(notes.checksums, part.checksums);
  }
  return notes;
}

}  // namespace davit::images
