// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The blob of a layer in the content store, while the layer is pulled.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/blob_store.h"
#include "images/manifest.h"
#include "images/retention.h"

namespace davit::images {

// Copies a blob to the content store on its way to the unpacker. If the pull ends early, in any way, the next
// one takes from here what it would otherwise fetch again. The copy is a help only: if it cannot be written,
// it is dropped, and the pull goes on.
//
// The destructor keeps what there is for that next pull. Data is not synced: after a power cut the copy may
// be wrong, which its digest shows. Not thread-safe.
class LayerBlob {
 public:
  // Blobs below this size are only copied to be kept for good: to fetch one again costs about as much as the
  // request for it.
  static constexpr int64_t kSmallestPartial = 1 << 20;

  // Nothing is copied.
  LayerBlob() = default;
  // Opens the complete blob, or starts or continues a partial one if `retention` and the free space allow.
  // `store` and `retention` must outlive the object.
  LayerBlob(BlobStore& store, const Descriptor& descriptor, const Retention& retention);
  LayerBlob(LayerBlob&&) = default;
  LayerBlob& operator=(LayerBlob&&) = default;

  // The next piece is the first one of the blob.
  void Begin() { received_ = 0; }
  // The next piece, which may come from Kept.
  void Append(std::string_view piece);

  // As in BlobSink. The bytes of a complete blob are returned as well: what was on disk for long is verified
  // again.
  std::string Kept(int64_t position);
  void Discard();

  // Drops the copy: it would not help the next pull. A complete blob stays.
  void Drop();
  // The layer is committed. Makes the blob complete if blobs are kept, else drops it.
  void Commit();

 private:
  bool HasRoomFor(int64_t bytes) const { return HasRoom(store_->root_fd(), bytes, *retention_); }
  void StartCopy();
  void Copy(std::string_view piece);

  BlobStore* store_ = nullptr;
  const Retention* retention_ = nullptr;
  Descriptor descriptor_;
  std::optional<OpenedBlob> complete_;
  std::unique_ptr<BlobWriter> copy_;
  bool for_good_ = false;  // the copy becomes a complete blob
  int64_t received_ = 0;   // bytes since Begin
  int64_t unchecked_ = 0;  // bytes copied since the free space was looked at
};

}  // namespace davit::images
