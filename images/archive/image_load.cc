// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/image_load.h"

#include <poll.h>
#include <unistd.h>

#include <utility>

#include "base/ids.h"
#include "images/archive/blob_keeper.h"
#include "images/archive/staged_files.h"
#include "images/image_resolve.h"
#include "images/reference.h"

namespace davit::images {
namespace {

constexpr size_t kReadBytes = 256 << 10;

// What its names in the archive say where it came from: "registry.example/app@sha256:...".
std::vector<std::string> RepoDigests(const std::vector<std::string>& tags, const std::string& digest) {
  std::vector<std::string> repo_digests;
  if (digest.empty()) return repo_digests;
  for (const std::string& tag : tags) {
    if (auto reference = ParseReference(tag)) repo_digests.push_back(reference->Name() + "@" + digest);
  }
  return repo_digests;
}

}  // namespace

Result<std::unique_ptr<ImageLoad>> ImageLoad::Start(Context context, const Interrupt& interrupt) {
  std::string staging = "sha256:" + TRY(NewId());
  std::unique_ptr<ImageLoad> load(new ImageLoad(std::move(context), std::move(staging), interrupt));
  TRY(load->StartUnpacking());
  return load;
}

Result<> ImageLoad::StartUnpacking() {
  dir_ = TRY(context_.layers.Stage(staging_));
  process_.emplace(TRY(UnpackProcess::Start(context_.unpack_program, dir_.get(), interrupt_)));
  return {};
}

ImageLoad::~ImageLoad() {
  process_.reset();  // before the directory that it writes to is dropped
  context_.layers.Abandon(staging_);
}

// An unpacker that stops reading has a reason, which it reports.
Error ImageLoad::WhyStopped(Error error) {
  if (error.os_errno == EPIPE) {
    if (auto report = process_->Finish(); !report) error = std::move(report).error();
  }
  return Within("load archive", std::move(error));
}

Result<> ImageLoad::Write(std::string_view piece) {
  auto written = process_->Write(piece);
  return written ? written : std::unexpected(WhyStopped(std::move(written).error()));
}

Result<LoadReport> ImageLoad::Finish() {
  auto unpacked = process_->Finish();
  if (!unpacked) return std::unexpected(Within("load archive", std::move(unpacked).error()));
  // A hole costs nothing in the archive, but as much time and space as data when it becomes a blob.
  if (unpacked->sparse_files > 0)
    return Fail(Code::kInvalidArgument, "load archive", "", "it has sparse files");
  StagedFiles files(std::move(dir_));
  LoadReport report;
  for (const ArchiveEntry& entry : TRY(ListArchive(files, context_.images.platform()))) {
    auto loaded = LoadOne(files, entry);
    TRY(interrupt_.Check());
    if (loaded) {
      report.loaded.push_back(std::move(*loaded));
    } else {
      report.failures.push_back(Within("load " + entry.Name(), std::move(loaded).error()));
    }
  }
  return report;
}

Result<LoadedImage> ImageLoad::LoadOne(const StagedFiles& files, const ArchiveEntry& entry) {
  const Platform platform = context_.images.platform();
  ArchivedImage archived = TRY(ReadArchivedImage(files, entry, platform, interrupt_));
  ImageDocuments documents{std::move(archived.manifest), std::move(archived.manifest_json),
                           std::move(archived.config_json), archived.by_index};
  ResolvedImage image = TRY(DescribeImage(std::move(documents), entry.Name(), platform));
  image.record.repo_tags = entry.tags;
  image.record.repo_digests = RepoDigests(entry.tags, archived.root_digest);
  image.record.keeps_blobs = true;  // no registry may have them
  StagedBlobSource staged(files, std::move(archived.blobs), interrupt_);
  BlobHold hold = context_.blobs.Hold(DigestsOf(image.layers));
  auto added = AddImage(image, staged);
  hold.Release();
  if (added) return LoadedImage{added->id, entry.tags, added->warning};
  context_.images.DropBlobs(DigestsOf(image.layers));  // whoever has the archive has them
  return std::unexpected(std::move(added).error());
}

Result<PulledImage> ImageLoad::AddImage(const ResolvedImage& image, BlobSource& staged) {
  for (const Descriptor& layer : image.layers) TRY(KeepBlob(context_.blobs, layer, staged, interrupt_));
  StoredBlobSource kept(context_.blobs, interrupt_);
  return context_.images.Add(image, kept, interrupt_);
}

Result<LoadReport> LoadImages(const ImageLoad::Context& context, int fd, const Interrupt& interrupt) {
  std::unique_ptr<ImageLoad> load = TRY(ImageLoad::Start(context, interrupt));
  std::string buffer(kReadBytes, '\0');
  while (true) {
    TRY(interrupt.Check());
    pollfd entry{fd, POLLIN, 0};
    int ready = poll(&entry, 1, Interrupt::kAskEveryMs);
    if (ready < 0 && errno != EINTR) return SystemError("poll", "archive");
    if (ready <= 0) continue;
    ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno != EAGAIN && errno != EINTR) return SystemError("read", "archive");
    if (size == 0) return load->Finish();
    if (size > 0) TRY(load->Write(std::string_view(buffer).substr(0, static_cast<size_t>(size))));
  }
}

}  // namespace davit::images
