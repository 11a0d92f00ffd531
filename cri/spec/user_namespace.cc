// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/user_namespace.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <limits>

#include "cri/spec/field.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;
using Mappings = google::protobuf::RepeatedPtrField<v1::IDMapping>;

// The last id there is means "none" to the kernel (chown(2)).
constexpr uint64_t kIds = std::numeric_limits<uint32_t>::max();

Result<shim::IdRange> OnlyRange(const std::string& field, const Mappings& mappings) {
  if (mappings.size() != 1)
    return BadField(field, std::to_string(mappings.size()) + " mappings", "exactly one is supported");
  const v1::IDMapping& mapping = mappings[0];
  shim::IdRange range{mapping.container_id(), mapping.host_id(), mapping.length()};
  if (range.length == 0) return BadField(field + ".length", "0", "maps nothing");
  if (uint64_t{range.outside} + range.length > kIds || uint64_t{range.inside} + range.length > kIds)
    return BadField(field + ".length", std::to_string(range.length), "goes beyond the last id");
  return range;
}

Result<shim::IdRange> PodRange(const std::string& field, const Mappings& mappings) {
  shim::IdRange range = TRY(OnlyRange(field, mappings));
  if (range.inside != 0)
    return BadField(field + ".container_id", std::to_string(range.inside), "leaves id 0 without a mapping");
  return range;
}

Result<> CheckNamespaces(const std::string& field, const v1::NamespaceOption& options) {
  if (options.pid() == v1::NODE) return BadField(field + "pid", "NODE", "cannot work in a user namespace");
  if (options.ipc() == v1::NODE) return BadField(field + "ipc", "NODE", "cannot work in a user namespace");
  return {};
}

}  // namespace

Result<shim::IdMap> UserNamespaceOf(const std::string& field, const v1::NamespaceOption& options) {
  if (!options.has_userns_options()) return shim::IdMap();
  const v1::UserNamespace& wanted = options.userns_options();
  const std::string prefix = field + "userns_options";
  if (wanted.mode() == v1::NODE) {
    bool mapped = wanted.uids_size() > 0 || wanted.gids_size() > 0;
    return mapped ? BadField(prefix, "NODE", "has id mappings") : Result<shim::IdMap>();
  }
  if (wanted.mode() != v1::POD)
    return BadField(prefix + ".mode", std::to_string(wanted.mode()), "is not a mode for user namespaces");
  shim::IdMap ids;
  ids.uids = TRY(PodRange(prefix + ".uids", wanted.uids()));
  ids.gids = TRY(PodRange(prefix + ".gids", wanted.gids()));
  TRY(CheckNamespaces(field, options));
  return ids;
}

bool HasUserNamespace(const v1::PodSandboxConfig& config) {
  const v1::NamespaceOption& options = config.linux().security_context().namespace_options();
  return options.has_userns_options() && options.userns_options().mode() == v1::POD;
}

void LimitGroups(const shim::IdMap& ids, std::vector<shim::Sysctl>& sysctls) {
  for (shim::Sysctl& sysctl : sysctls) {
    uint64_t first = 0;
    uint64_t last = 0;
    if (ids.empty() || sysctl.path != "net/ipv4/ping_group_range") continue;
    if (std::sscanf(sysctl.value.c_str(), "%" SCNu64 " %" SCNu64, &first, &last) != 2) continue;
    last = std::min<uint64_t>(last, ids.gids.length - 1);
    sysctl.value = std::to_string(first) + " " + std::to_string(last);
  }
}

Result<shim::IdMap> MountIds(const v1::Mount& mount) {
  if (mount.uidmappings_size() == 0 && mount.gidmappings_size() == 0) return shim::IdMap();
  shim::IdMap ids;
  ids.uids = TRY(OnlyRange("mounts.uidMappings", mount.uidmappings()));
  ids.gids = TRY(OnlyRange("mounts.gidMappings", mount.gidmappings()));
  return ids;
}

}  // namespace davit::cri
