// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/image_volumes.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "shim/init/mount_api.h"
#include "shim/own_mounts.h"

namespace davit::shim {
namespace {

// open_tree(2) copies no part of a detached mount before Linux 6.15, so the image is attached for a moment,
// where the container's root will be.
Result<UniqueFd> CloneDirectory(int image, const std::string& path) {
  UniqueFd place = TRY(OpenAt(AT_FDCWD, kRootfsDir, O_PATH | O_DIRECTORY));
  TRY(AttachMount(image, place.get(), "image volume"));
  Result<UniqueFd> mount = [&]() -> Result<UniqueFd> {
    UniqueFd directory = TRY(OpenBeneath(image, path, Resolve::kInRoot, O_PATH | O_DIRECTORY));
    return CloneMount(directory.get(), "", /*recursive=*/false, path);
  }();
  if (umount2(kRootfsDir, MNT_DETACH) < 0) return SystemError("umount2", "image volume");
  return mount;
}

}  // namespace

Result<> TakeImageVolumes(const ContainerPlan& plan, std::vector<UniqueFd> images,
                          std::vector<UniqueFd>& sources) {
  for (size_t i = 0; i < plan.mounts.size(); ++i) {
    const MountStep& step = plan.mounts[i];
    if (step.kind != MountKind::kImage) continue;
    if (step.image >= images.size() || !images[step.image]) {
      return Fail(Code::kInvalidArgument, "mount", step.target, "its image was not given");
    }
    UniqueFd image = std::move(images[step.image]);
    Result<UniqueFd> mount =
        step.source.empty() ? std::move(image) : CloneDirectory(image.get(), step.source);
    if (!mount) {
      return std::unexpected(
          WithReason(Reason::kImageVolumeMountFailed, Within("image volume " + step.target, mount.error())));
    }
    sources[i] = std::move(*mount);
  }
  return {};
}

}  // namespace davit::shim
