// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pushes an image of this node to a registry (OCI distribution-spec, "Push").
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "images/blob_store.h"
#include "images/image_record.h"
#include "images/interrupt.h"
#include "images/push/blob_upload.h"
#include "images/push/push_observer.h"
#include "images/reference.h"
#include "images/registry_auth.h"
#include "images/registry_client.h"

namespace davit::images {

struct PushRequest {
  Reference target;                  // with a tag, or with the digest that the manifest has
  std::optional<RegistryAuth> auth;  // for the registry of `target`
  // For the registries that the image came from. Without it, `auth` is used for the registry of `target`
  // alone.
  std::optional<RegistryAuth> source_auth;
};

struct PushedImage {
  std::string digest;  // of the manifest
  uint64_t size = 0;   // bytes: config and layers, those included that were there before
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

  // Pushes the manifest of `image`, its config and its layers, byte for byte, so that all digests stay the
  // same. A blob that the repository lacks is mounted from another repository of the same registry, if the
  // image came from there; else it is uploaded, read from the blobs that the node keeps or from the
  // registries of the image's repo digests, without a copy on disk. Layers that may not be distributed are
  // not pushed. The manifest comes last. Only the first host that may be pushed to (hosts.toml, capability
  // "push") is used.
  //
  // `observer` may be null. The error names the target, the blob, the host and its answer:
  // kUnauthenticated, kPermissionDenied, kNotFound (no such repository; or no registry has the blob any
  // more), kFailedPrecondition (no host may be pushed to), kInvalidArgument (`target` has another digest),
  // kResourceExhausted, kDataLoss, kUnavailable, kCancelled.
  Result<PushedImage> Push(const ImageRecord& image, const PushRequest& request, const Interrupt& interrupt,
                           PushObserver* observer) const;

 private:
  const Config config_;
  const BlobStore* const blobs_;
};

}  // namespace davit::images
