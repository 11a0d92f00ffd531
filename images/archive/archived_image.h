// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The images in an archive: an OCI image layout (image-spec image-layout.md), or a docker-archive as Docker
// writes it since 1.10 and skopeo and podman do.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/archive/staged_files.h"
#include "images/image_record.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/platform.h"

namespace davit::images {

// What the archive lists. Its documents are not read yet.
struct ArchiveEntry {
  std::vector<std::string> tags;         // normalised references with a tag
  std::vector<std::string> digests;      // normalised references with a digest, of `root`
  std::vector<Error> bad_names;          // why other names are no references; these are left out
  Descriptor root;                       // OCI: the manifest or index; empty digest: a docker-archive's image
  std::string config_path;               // docker-archive
  std::vector<std::string> layer_paths;  // docker-archive, bottom first

  // For messages: a tag, a digest or a path.
  std::string Name() const;
};

struct ArchivedImage {
  std::string manifest_json;
  Manifest manifest;
  std::string config_json;
  std::string root_digest;                   // of the entry; empty if the archive itself has no manifest
  std::vector<IndexDocument> indexes;        // from there to the manifest; none if it is the manifest's
  bool by_index = false;                     // an index says that it is for this platform
  std::map<std::string, std::string> blobs;  // paths of the layers by digest
};

// Lists the images. kInvalidArgument if it is no archive of images, or lists more than 1,000;
// kResourceExhausted if a list is larger than 4 MiB.
Result<std::vector<ArchiveEntry>> ListArchive(const StagedFiles& files, const Platform& platform);

// Reads the image's documents, of an index those of the entry for `platform`, and verifies their digests and
// sizes. A docker-archive has no manifest: a Docker schema 2 manifest is made of its config and its layers,
// the same for the same files. kNotFound if an index has no image for the platform or a document is missing;
// kDataLoss; kInvalidArgument; kResourceExhausted if a manifest is larger than 4 MiB or a config than 1 MiB.
Result<ArchivedImage> ReadArchivedImage(const StagedFiles& files, const ArchiveEntry& entry,
                                        const Platform& platform, const Interrupt& interrupt);

}  // namespace davit::images
