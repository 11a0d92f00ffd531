// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/image_load.h"

#include <poll.h>
#include <unistd.h>

#include <set>
#include <utility>

#include "base/ids.h"
#include "images/archive/blob_keeper.h"
#include "images/archive/staged_files.h"
#include "images/digest.h"
#include "images/image_resolve.h"
#include "images/reference.h"

namespace davit::images {
namespace {

constexpr size_t kReadBytes = 256 << 10;

// What its names in the archive say where it came from: "registry.example/app@sha256:...". Pods may name an
// index or the manifest.
Result<std::vector<std::string>> RepoDigests(const ArchiveEntry& entry, const ArchivedImage& image) {
  std::set<std::string> repo_digests;
  if (image.root_digest.empty()) return std::vector<std::string>();  // it is of this archive's own making
  std::string manifest_digest = TRY(Sha256Of(image.manifest_json));
  for (const auto* names : {&entry.tags, &entry.digests}) {
    for (const std::string& name : *names) {
      Reference reference = TRY(ParseReference(name));
      repo_digests.insert(reference.Name() + "@" + image.root_digest);
      repo_digests.insert(reference.Name() + "@" + manifest_digest);
    }
  }
  return std::vector<std::string>(repo_digests.begin(), repo_digests.end());
}

// An archive can list a million bad names: the first few explain the others.
std::vector<std::string> Warnings(const ArchiveEntry& entry, const std::string& of_image) {
  constexpr size_t kMost = 20;
  std::vector<std::string> warnings;
  if (!of_image.empty()) warnings.push_back(of_image);
  for (const Error& bad : entry.bad_names) {
    if (warnings.size() == kMost) {
      warnings.push_back("more names are left out");
      break;
    }
    warnings.push_back("a name is left out: " + bad.ToString());
  }
  return warnings;
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

Result<LoadReport> ImageLoad::Finish(const OnImage& on_image) {
  auto unpacked = process_->Finish();
  if (!unpacked) return std::unexpected(Within("load archive", std::move(unpacked).error()));
  // A hole costs nothing in the archive, but as much time and space as data when it becomes a blob.
  if (unpacked->sparse_files > 0)
    return Fail(Code::kInvalidArgument, "load archive", "", "it has sparse files");
  StagedFiles files(std::move(dir_));
  LoadReport report;
  for (const ArchiveEntry& entry : TRY(ListArchive(files, context_.images.platform()))) {
    auto progress = std::make_shared<TransferProgress>();
    if (on_image) on_image(entry.Name(), progress);
    auto loaded = LoadOne(files, entry, *progress);
    TRY(interrupt_.Check());
    if (loaded) {
      report.loaded.push_back(std::move(*loaded));
    } else {
      report.failures.push_back(Within("load " + entry.Name(), std::move(loaded).error()));
    }
  }
  return report;
}

Result<LoadedImage> ImageLoad::LoadOne(const StagedFiles& files, const ArchiveEntry& entry,
                                       TransferProgress& progress) {
  const Platform platform = context_.images.platform();
  ArchivedImage archived = TRY(ReadArchivedImage(files, entry, platform, interrupt_));
  std::vector<std::string> repo_digests = TRY(RepoDigests(entry, archived));
  ImageDocuments documents{std::move(archived.manifest), std::move(archived.manifest_json),
                           std::move(archived.config_json), archived.by_index, std::move(archived.indexes)};
  ResolvedImage image = TRY(DescribeImage(std::move(documents), entry.Name(), platform));
  image.record.repo_tags = entry.tags;
  image.record.repo_digests = std::move(repo_digests);
  image.record.pulled_by_digest = !entry.digests.empty();
  image.record.keeps_blobs = true;  // no registry may have them
  StagedBlobSource staged(files, std::move(archived.blobs), interrupt_);
  BlobHold hold = context_.blobs.Hold(DigestsOf(image.layers));
  auto added = AddImage(image, staged, progress);
  hold.Release();
  if (added) return LoadedImage{added->id, entry.tags, entry.digests, Warnings(entry, added->warning)};
  context_.images.DropBlobs(DigestsOf(image.layers));  // whoever has the archive has them
  return std::unexpected(std::move(added).error());
}

// A layer that was unpacked was verified on its way, so its file is linked without being read again.
Result<PulledImage> ImageLoad::AddImage(const ResolvedImage& image, StagedBlobSource& staged,
                                        TransferProgress& progress) {
  auto keep_blobs = [&]() -> Result<> {
    for (const Descriptor& layer : image.layers)
      TRY(KeepStagedBlob(context_.blobs, layer, staged, interrupt_));
    return {};
  };
  return context_.images.Add(image, staged, interrupt_, progress, keep_blobs);
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
