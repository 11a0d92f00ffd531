// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_blob.h"

#include <unistd.h>

#include <algorithm>
#include <tuple>

namespace davit::images {
namespace {

constexpr size_t kReadAtOnce = 256 << 10;
constexpr int64_t kCheckRoomEvery = 64 << 20;  // bytes

// Fewer bytes than there are if the file cannot be read.
std::string ReadBlob(const OpenedBlob& blob, int64_t position) {
  std::string piece(kReadAtOnce, '\0');
  ssize_t got = pread(blob.fd.get(), piece.data(), piece.size(), position);
  piece.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return piece;
}

}  // namespace

LayerBlob::LayerBlob(BlobStore& store, const Descriptor& descriptor, const Retention& retention)
    : store_(&store), retention_(&retention), descriptor_(descriptor), for_good_(retention.blobs) {
  auto complete = store.Open(descriptor.digest);
  if (!complete) {
    StartCopy();
  } else if (complete->size == descriptor.size) {
    complete_ = std::move(*complete);
  }  // else the manifest lies about the size, which is no reason to doubt the blob
}

// If another pull copies the blob, this one does without.
void LayerBlob::StartCopy() {
  bool resumable = retention_->unfinished_ms > 0 && descriptor_.size >= kSmallestPartial;
  if (!for_good_ && !resumable) return;
  auto writer = store_->Begin(descriptor_, BlobStore::Verify::kByCaller);
  if (!writer) return;
  copy_ = std::move(*writer);
  if (!HasRoomFor(descriptor_.size - copy_->position())) Drop();
}

void LayerBlob::Drop() {
  if (!copy_) return;
  copy_->Abandon(BlobWriter::Partial::kDrop);
  copy_.reset();
}

void LayerBlob::Append(std::string_view piece) {
  received_ += static_cast<int64_t>(piece.size());
  if (!copy_) return;
  int64_t missing = std::max<int64_t>(received_ - copy_->position(), 0);
  piece.remove_prefix(piece.size() - std::min(piece.size(), static_cast<size_t>(missing)));
  if (!piece.empty()) Copy(piece);
}

void LayerBlob::Copy(std::string_view piece) {
  unchecked_ += static_cast<int64_t>(piece.size());
  bool room = true;
  if (unchecked_ >= kCheckRoomEvery) {
    unchecked_ = 0;
    room = HasRoomFor(0);
  }
  if (!room || !copy_->Write(piece)) Drop();
}

std::string LayerBlob::Kept(int64_t position) {
  if (complete_) return ReadBlob(*complete_, position);
  if (!copy_) return {};
  return copy_->Read(position, kReadAtOnce).value_or(std::string());
}

void LayerBlob::Discard() {
  if (complete_) {
    complete_.reset();
    std::ignore = store_->Remove(descriptor_.digest);
    for_good_ = true;
    StartCopy();
  } else if (copy_ && !copy_->Restart()) {
    Drop();
  }
}

void LayerBlob::Commit() {
  if (copy_ && for_good_) std::ignore = copy_->Commit();
  Drop();
}

}  // namespace davit::images
