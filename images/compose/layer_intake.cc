// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/compose/layer_intake.h"

#include <fcntl.h>

#include "base/directory.h"
#include "base/file_io.h"
#include "base/ids.h"
#include "images/archive/blob_keeper.h"
#include "images/archive/staged_files.h"
#include "images/image_resolve.h"

namespace davit::images {
namespace {

constexpr char kBlobName[] = "layer";

}  // namespace

Result<std::unique_ptr<LayerIntake>> LayerIntake::Start(ImageLoad::Context context,
                                                        const Interrupt& interrupt) {
  std::string staging = "sha256:" + TRY(NewId());
  Hasher hasher = TRY(Hasher::For(""));
  std::unique_ptr<LayerIntake> intake(
      new LayerIntake(std::move(context), std::move(staging), std::move(hasher), interrupt));
  TRY(intake->Open());
  return intake;
}

LayerIntake::~LayerIntake() {
  context_.layers.Abandon(staging_);
}

Result<> LayerIntake::Open() {
  dir_ = TRY(context_.layers.Stage(staging_));
  blob_ = TRY(OpenAt(dir_.get(), kBlobName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  space_ = std::make_unique<SpaceReserve>(blob_.get());
  return {};
}

Result<> LayerIntake::Write(std::string_view piece) {
  TRY(space_->Use(piece.size(), /*files=*/0));
  TRY(WriteAll(blob_.get(), piece, "new layer"));
  hasher_.Update(piece);
  descriptor_.size += static_cast<int64_t>(piece.size());
  return {};
}

Result<UniqueFd> LayerIntake::OpenDirectory() const {
  return ::davit::OpenDirectory(dir_.get(), ".");
}

Descriptor LayerIntake::Describe() {
  descriptor_.digest = hasher_.Finish();
  return descriptor_;
}

Result<std::string> LayerIntake::AddImage(ImageDocuments documents, const std::string& tag) {
  ResolvedImage image = TRY(DescribeImage(std::move(documents), "new image", context_.images.platform()));
  if (!tag.empty()) image.record.repo_tags = {tag};
  image.record.keeps_blobs = true;  // no registry may have them
  StagedFiles files(TRY(OpenDirectory()));
  StagedBlobSource staged(files, {{descriptor_.digest, kBlobName}}, interrupt_);
  BlobHold hold = context_.blobs.Hold(DigestsOf(image.layers));
  TransferProgress progress;
  auto added = context_.images.Add(image, staged, interrupt_, progress, [&] {
    return KeepStagedBlob(context_.blobs, image.layers.back(), staged, interrupt_);
  });
  hold.Release();
  if (added) return added->id;
  context_.images.DropBlobs({descriptor_.digest});
  return std::unexpected(std::move(added).error());
}

}  // namespace davit::images
