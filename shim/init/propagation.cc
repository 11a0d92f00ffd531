// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/propagation.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace davit::shim {
namespace {

struct PeerGroups {
  uint64_t mount_id = 0;
  bool shared = false;
  bool slave = false;
};

// Optional fields stand between the mount options and a lone "-"; spaces inside fields are escaped.
PeerGroups ParseLine(std::string_view line) {
  PeerGroups groups;
  std::from_chars(line.data(), line.data() + line.size(), groups.mount_id);
  std::string_view fields = line.substr(0, line.find(" - "));
  groups.shared = fields.find(" shared:") != std::string_view::npos;
  groups.slave = fields.find(" master:") != std::string_view::npos;
  return groups;
}

// By mount id.
std::vector<PeerGroups> ParseMountInfo(std::string_view mountinfo) {
  std::vector<PeerGroups> mounts;
  while (!mountinfo.empty()) {
    size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    mounts.push_back(ParseLine(mountinfo.substr(0, end)));
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
  }
  std::ranges::sort(mounts, {}, &PeerGroups::mount_id);
  return mounts;
}

PeerGroups Find(const std::vector<PeerGroups>& mounts, uint64_t mount_id) {
  auto found = std::ranges::lower_bound(mounts, mount_id, {}, &PeerGroups::mount_id);
  return found == mounts.end() || found->mount_id != mount_id ? PeerGroups{} : *found;
}

Result<> Check(const MountStep& step, const PeerGroups& groups) {
  if (step.propagation == Propagation::kShared && !groups.shared)
    return Fail(Code::kFailedPrecondition, "mount source", step.source,
                "Bidirectional propagation needs a source on a shared mount");
  if (step.propagation == Propagation::kSlave && !groups.shared && !groups.slave)
    return Fail(Code::kFailedPrecondition, "mount source", step.source,
                "HostToContainer propagation needs a source on a shared or slave mount");
  return {};
}

}  // namespace

Result<> PropagationCheck::Add(int source_fd, const MountStep& step) {
  if (step.propagation == Propagation::kPrivate) return {};
  struct statx st;
  if (statx(source_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0) return SystemError("statx", step.source);
  AddSource(st.stx_mnt_id, step);
  return {};
}

Result<> PropagationCheck::Run(const std::function<Result<std::string>()>& read_mountinfo) const {
  if (sources_.empty()) return {};
  const std::string mountinfo = TRY(read_mountinfo());
  const std::vector<PeerGroups> mounts = ParseMountInfo(mountinfo);
  for (const Source& source : sources_) TRY(Check(*source.step, Find(mounts, source.mount_id)));
  return {};
}

}  // namespace davit::shim
