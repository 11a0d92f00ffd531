// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pushes an image of this node to a registry (OCI distribution-spec, "Push").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/blob_store.h"
#include "images/image_record.h"
#include "images/interrupt.h"
#include "images/push/blob_upload.h"
#include "images/reference.h"
#include "images/registry_auth.h"
#include "images/registry_client.h"
#include "images/transfer_progress.h"

namespace davit::images {

struct PushRequest {
  Reference target;                  // with a tag, or with the digest that the manifest or index has
  std::optional<RegistryAuth> auth;  // for the registry of `target`
  // For the registries that the image came from (RegistryBlobSource). Without any, `auth` is used for the
  // registry of `target` alone.
  std::vector<RegistryAuth> source_auths;
  // Repo digests of other images, whose repositories may have blobs of this one.
  std::vector<std::string> origins = {};
};

struct PushedImage {
  std::string digest;   // of the manifest or index that the target means now
  size_t size = 0;      // of that document, bytes
  std::string warning;  // for the user, one line; empty if there is none
};

// Thread-safe.
class ImagePusher {
 public:
  struct Config {
    RegistryClient::Options transfer;
    int parallel_blobs = 3;  // per push
    UploadLimits upload;
  };

  // `blobs` are those that the node keeps, null: none. It must outlive the pusher.
  ImagePusher(Config config, const BlobStore* blobs) : config_(std::move(config)), blobs_(blobs) {}

  // Pushes what the image was pulled by, byte for byte, so that all digests stay the same: an index with the
  // images of all platforms, or a manifest. If something of an index cannot be had, the manifest of this
  // node's platform is pushed alone, with a warning that says why.
  //
  // A blob that the repository lacks is mounted from another repository of the same registry, if the image
  // came from there; else it is uploaded, read from the blobs that the node keeps or from the registries of
  // the image's repo digests, or from `origins`, without a copy on disk. Layers that may not be distributed
  // are not pushed. Manifests come last. Only the first host that may be pushed to (hosts.toml, capability
  // "push") is used.
  //
  // `progress` has the layers and configs. The error names the target, the blob, the host and its answer:
  // kUnauthenticated, kPermissionDenied, kNotFound (no such repository; or no registry has the blob any
  // more), kFailedPrecondition (no host may be pushed to), kInvalidArgument (`target` has another digest),
  // kResourceExhausted, kDataLoss, kUnavailable, kCancelled.
  Result<PushedImage> Push(const ImageRecord& image, const PushRequest& request, const Interrupt& interrupt,
                           TransferProgress& progress) const;

 private:
  Result<PushedImage> PushAsMuchAsThereIs(const ImageRecord& image, const PushRequest& request,
                                          const Interrupt& interrupt, TransferProgress& progress) const;

  const Config config_;
  const BlobStore* const blobs_;
};

}  // namespace davit::images
