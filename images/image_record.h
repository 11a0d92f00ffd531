// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The stored data of an image, and the interface to its storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/error.h"

namespace davit::images {

// What the daemon keeps in memory of each image, at most some 100 KiB: a registry chooses the size of an
// image's documents, and a node has hundreds of images.
struct ImageSummary {
  std::string id;                         // "sha256:<digest of the config>"
  std::vector<std::string> chain_ids;     // of the layers, bottom first
  std::vector<std::string> repo_tags;     // normalised: "registry.k8s.io/pause:3.9"
  std::vector<std::string> repo_digests;  // "registry.k8s.io/pause@sha256:..."
  std::string user;                       // SummaryUser() of the config
  uint64_t size = 0;                      // bytes: compressed layers and config, as the CRI reports
  bool pinned = false;
  // Its blobs stay in the content store whatever Retention says: it was loaded, built or pushed.
  bool keeps_blobs = false;
  // Somebody has pulled it by its digest and may use that name: without a tag, it is still not left over.
  bool pulled_by_digest = false;
  // The node may lack a layer of it: no container can use it. Not stored, but found at the start.
  bool incomplete = false;

  bool operator==(const ImageSummary&) const = default;
};

// Which images a lookup finds.
enum class Which : uint8_t {
  kListed,  // those that containers can use
  kAny,     // incomplete ones as well
};

// An index that leads to an image's manifest (OCI image-spec image-index.md).
struct IndexDocument {
  std::string digest;
  std::string json;  // as verified

  auto Fields() { return FieldList(Field<1>(digest), Field<2>(json)); }
  bool operator==(const IndexDocument&) const = default;
};

// Of one image, in sum: more indexes are not kept, and the image then leaves the node as its manifest.
inline constexpr size_t kMostIndexBytes = 4 << 20;

// An image as it is stored.
struct ImageRecord : ImageSummary {
  std::string config_json;    // as verified against `id`
  std::string manifest_json;  // of the chosen platform, as verified
  // Those that the image was pulled or loaded by (image_indexes.h). Empty in records of earlier releases, and
  // in those of ImageRecords::Get.
  std::vector<IndexDocument> indexes = {};

  size_t DocumentBytes() const {
    size_t bytes = config_json.size() + manifest_json.size();
    for (const IndexDocument& index : indexes) bytes += index.json.size();
    return bytes;
  }
  bool operator==(const ImageRecord&) const = default;
};

// What a pull returns.
struct PulledImage : ImageSummary {
  std::string reference;   // that was pulled, normalised
  std::string digest;      // of what it means at the registry, which may be an index
  std::string warning;     // for the operator, one line; empty if there is none
  bool unchanged = false;  // the node had the image, under this reference
};

// An image that was given a tag, or has lost one.
struct TaggedImage {
  std::string id;
  std::string tag;  // normalised
};

// The records of all images. Put, PutSummary and Remove are durable when they return: they survive a power
// cut. Get and GetWithIndexes may be called on any thread at any time; the other calls come from one thread
// at a time.
class ImageRecords {
 public:
  virtual ~ImageRecords() = default;
  // Adds the record, or replaces the one with the same id.
  virtual Result<> Put(const ImageRecord& record) = 0;
  // Replaces all but the documents and indexes. kNotFound if there is no record with this id.
  virtual Result<> PutSummary(const ImageSummary& summary) = 0;
  // Idempotent: an unknown id is not an error.
  virtual Result<> Remove(const std::string& id) = 0;
  virtual Result<std::vector<ImageSummary>> All() = 0;
  // Reads the record, with config and manifest, but without its indexes. kNotFound.
  virtual Result<ImageRecord> Get(const std::string& id) const = 0;
  // For those who send the image on, or change its indexes.
  virtual Result<ImageRecord> GetWithIndexes(const std::string& id) const = 0;
};

}  // namespace davit::images
