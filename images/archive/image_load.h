// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Loads the images of an archive: an OCI image layout or an archive of `docker save`, plain or compressed
// with gzip or zstd.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "images/archive/archived_image.h"
#include "images/blob_store.h"
#include "images/image_store.h"
#include "images/interrupt.h"
#include "images/layer_store.h"
#include "images/transfer_progress.h"
#include "images/unpack_process.h"

namespace davit::images {

struct LoadedImage {
  std::string id;
  std::vector<std::string> tags;     // that it got from this archive
  std::vector<std::string> digests;  // digest references that are its only names there
  // For people, one line each: as in PulledImage, and for each name that is no reference and was left out.
  std::vector<std::string> warnings;
};

struct LoadReport {
  std::vector<LoadedImage> loaded;
  std::vector<Error> failures;  // one for each image that could not be loaded, naming it
};

// Use: Start, Write for the archive's bytes in order, Finish. The archive is unpacked by davit-unpack,
// confined and limited as a layer is, into a staged directory of the layer store. From there each layer is
// unpacked and verified as a pulled one; then its file moves into the blob store. The destructor removes the
// directory; after a crash, the layer store does. Not thread-safe.
class ImageLoad {
 public:
  // What loads share. All must outlive them.
  struct Context {
    ImageStore& images;
    LayerStore& layers;
    BlobStore& blobs;
    std::string unpack_program;
  };

  // `interrupt` must outlive the object.
  static Result<std::unique_ptr<ImageLoad>> Start(Context context, const Interrupt& interrupt);
  ~ImageLoad();
  ImageLoad(const ImageLoad&) = delete;
  ImageLoad& operator=(const ImageLoad&) = delete;

  // kDataLoss for corrupt compression or a truncated archive, kInvalidArgument for a malformed one,
  // kResourceExhausted if it is larger than the limits or the disk, kCancelled.
  Result<> Write(std::string_view piece);

  // Receives the name of the next image, and its progress from then on.
  using OnImage = std::function<void(const std::string& name, std::shared_ptr<const TransferProgress>)>;

  // Loads all images that the archive lists. An image that cannot be loaded does not stop the others.
  // `on_image` may be empty. Errors as in Write, and kInvalidArgument if it is no archive of images or has
  // sparse files.
  Result<LoadReport> Finish(const OnImage& on_image = nullptr);

 private:
  ImageLoad(Context context, std::string staging, const Interrupt& interrupt)
      : context_(std::move(context)), staging_(std::move(staging)), interrupt_(interrupt) {}

  Result<> StartUnpacking();
  Result<LoadedImage> LoadOne(const StagedFiles& files, const ArchiveEntry& entry,
                              TransferProgress& progress);
  // Puts the image into the image store, and its layers into the blob store. The caller holds the blobs.
  Result<PulledImage> AddImage(const ResolvedImage& image, StagedBlobSource& staged,
                               TransferProgress& progress);
  Error WhyStopped(Error error);

  const Context context_;
  const std::string staging_;  // the name of the staged directory, which has the form of a chain ID
  const Interrupt& interrupt_;
  UniqueFd dir_;
  std::optional<UnpackProcess> process_;
};

// Reads a descriptor to its end and loads it; a pipe may block. Errors as in ImageLoad.
Result<LoadReport> LoadImages(const ImageLoad::Context& context, int fd, const Interrupt& interrupt);

}  // namespace davit::images
