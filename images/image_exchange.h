// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Images of this node that people carry to other places, and from them: pushes, saves and loads by name.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/archive/byte_sink.h"
#include "images/archive/image_load.h"
#include "images/archive/image_save.h"
#include "images/interrupt.h"
#include "images/push/image_push.h"
#include "images/registry_auth.h"
#include "images/transfer_progress.h"

namespace davit::images {

// Thread-safe.
class ImageExchange {
 public:
  // What Save takes at most: the documents of all its images are in memory meanwhile.
  static constexpr size_t kMostSavedImages = 1000;
  static constexpr size_t kMostDocumentBytes = 64 << 20;

  // Must outlive the object.
  explicit ImageExchange(ImageLoad::Context context) : context_(std::move(context)) {}

  struct Push {
    std::string image;   // as in ImageStore::Find
    std::string target;  // a reference; empty: `image`, which is one then
    std::optional<RegistryAuth> auth;
    std::vector<RegistryAuth> source_auths;  // as in PushRequest
  };
  struct Pushed : PushedImage {
    std::string reference;  // of the target, normalised
  };
  // Pushes an image (image_push.h), and records that the target's registry has it. The layers that the node
  // keeps stay meanwhile, also if the image is removed. Errors as in ImagePusher::Push and ImageStore::Find.
  Result<Pushed> PushImage(const Push& push, const Interrupt& interrupt, TransferProgress& progress) const;

  // Writes images as an archive (image_save.h). An image gets the tags and digest references by which it is
  // named here; one that is named by its id alone gets none. All names are looked up before the first byte is
  // written. Errors as in ImageSaver::Save and ImageStore::Find; kInvalidArgument without images,
  // kResourceExhausted above the limits.
  Result<> Save(const std::vector<std::string>& images, const std::vector<RegistryAuth>& source_auths,
                ByteSink& sink, const Interrupt& interrupt) const;

  // Starts to load an archive. `interrupt` must outlive the load.
  Result<std::unique_ptr<ImageLoad>> Load(const Interrupt& interrupt) const {
    return ImageLoad::Start(context_, interrupt);
  }

 private:
  // The repo digests of the images that have the lowest layer of this one: an image that was made here has
  // the layers of another one, which the node may not keep as blobs.
  std::vector<std::string> OriginsOf(const ImageRecord& image) const;
  Result<std::vector<ImageToSave>> Find(const std::vector<std::string>& images) const;
  // Of all blobs of the image.
  Result<BlobHold> Hold(const ImageRecord& image) const;

  const ImageLoad::Context context_;
};

}  // namespace davit::images
