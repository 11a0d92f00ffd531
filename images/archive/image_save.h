// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Writes images of this node as one archive that other engines can load.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "images/archive/byte_sink.h"
#include "images/blob_store.h"
#include "images/image_record.h"
#include "images/interrupt.h"
#include "images/registry_auth.h"
#include "images/registry_client.h"

namespace davit::images {

struct ImageToSave {
  ImageRecord image;
  // Tags and digest references that it gets in the archive, normalised; may be empty.
  std::vector<std::string> names;
  std::vector<std::string> origins = {};  // as in PushRequest
};

// Thread-safe.
class ImageSaver {
 public:
  // `blobs` are those that the node keeps, null: none. It must outlive the saver.
  ImageSaver(RegistryClient::Options transfer, const BlobStore* blobs)
      : transfer_(std::move(transfer)), blobs_(blobs) {}

  // Writes an OCI image layout (image-spec image-layout.md) that is a docker-archive, too: its manifest.json
  // names the same blobs, as Docker writes it since 25.0. docker, podman, skopeo and containerd read it.
  // Blobs are as the registry had them, each once; what the node does not keep is streamed from the
  // registries of the image's repo digests. Equal images and names give equal bytes.
  //
  // An image that came by an index leaves by it, if the node has kept it: its name then stands for the index,
  // of which the archive has the images of this platform only, as archives of containerd. Its digest is the
  // same at the other end. For a name with the digest of an index that was not kept, the image has no name.
  //
  // The documents come first and the blobs last. After an error, what was written is an incomplete archive
  // without an end mark; the error names the blob. An artifact is kUnimplemented. Other errors: those of the
  // sink, of the registries, kNotFound if nobody has a blob any more, kDataLoss, kCancelled.
  Result<> Save(const std::vector<ImageToSave>& images, const std::vector<RegistryAuth>& source_auths,
                ByteSink& sink, const Interrupt& interrupt) const;

 private:
  const RegistryClient::Options transfer_;
  const BlobStore* const blobs_;
};

}  // namespace davit::images
