// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/archived_image.h"

#include <algorithm>

#include "images/archive/docker_archive.h"
#include "images/archive/layout.h"
#include "images/archive/oci_layout.h"

namespace davit::images {

std::string ArchiveEntry::Name() const {
  if (!tags.empty()) return tags.front();
  if (!digests.empty()) return digests.front();
  return root.digest.empty() ? config_path : root.digest;
}

Result<std::vector<ArchiveEntry>> ListArchive(const StagedFiles& files, const Platform& platform) {
  bool docker = files.Has(kDockerFile);
  if (!files.Has(kIndexFile)) {
    if (docker) return ListDockerArchive(files);
    return Fail(Code::kInvalidArgument, "read archive", "",
                "it has neither the index.json of an OCI layout nor the manifest.json of docker save");
  }
  auto entries = TRY(ListOciLayout(files, platform));
  // Of an archive that is both, the list that has names is used.
  bool named = std::ranges::any_of(
      entries, [](const ArchiveEntry& entry) { return !entry.tags.empty() || !entry.digests.empty(); });
  return named || !docker ? entries : ListDockerArchive(files);
}

Result<ArchivedImage> ReadArchivedImage(const StagedFiles& files, const ArchiveEntry& entry,
                                        const Platform& platform, const Interrupt& interrupt) {
  if (entry.root.digest.empty()) return ReadDockerImage(files, entry, interrupt);
  return ReadOciImage(files, entry, platform);
}

}  // namespace davit::images
