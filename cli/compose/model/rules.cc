// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/rules.h"

#include "cli/compose/model/rule_forms.h"
#include "cli/compose/model/short_forms.h"

namespace davit::cli::compose {
namespace {

constexpr std::string_view kNoField = "remove it";

constexpr Key kServiceKeys[] = {
    {"annotations", &kPairs, Support::kNo, "use labels"},
    {"attach", &kBool},
    {"blkio_config", &kAny, Support::kNo, kNoField},
    {"build", &kBuildRule},
    {"cap_add", &kTexts},
    {"cap_drop", &kTexts},
    {"cgroup", &kText, Support::kNo, kNoField},
    {"cgroup_parent", &kText, Support::kNo, kNoField},
    {"command", &kCommand},
    {"configs", &kFileMountsRule},
    {"container_name", &kText},
    {"cpu_count", &kAny, Support::kNo, "use cpus"},
    {"cpu_percent", &kAny, Support::kNo, "use cpus"},
    {"cpu_period", &kAny, Support::kNo, "use cpus"},
    {"cpu_quota", &kAny, Support::kNo, "use cpus"},
    {"cpu_rt_period", &kAny, Support::kNo, kNoField},
    {"cpu_rt_runtime", &kAny, Support::kNo, kNoField},
    {"cpu_shares", &kAny, Support::kNo, "use cpus"},
    {"cpus", &kNumber},
    {"cpuset", &kText},
    {"credential_spec", &kAny, Support::kNo, kNoField},
    {"depends_on", &kDependsOnRule},
    {"deploy", &kDeployRule},
    {"develop", &kAny, Support::kCosmetic},
    {"device_cgroup_rules", &kAny, Support::kNo, "use devices"},
    {"devices", &kDevicesRule},
    {"dns", &kTexts},
    {"dns_opt", &kTexts},
    {"dns_search", &kTexts},
    {"domainname", &kText, Support::kNo, "use hostname"},
    {"entrypoint", &kCommand},
    {"env_file", &kEnvFilesRule},
    {"environment", &kPairs},
    {"expose", &kTexts},
    {"extends", &kExtendsRule},
    {"external_links", &kAny, Support::kNo, "put both containers into one network"},
    {"extra_hosts", &kAny, Support::kNo, "use aliases of networks"},
    {"gpus", &kAny, Support::kNo, "use devices with the name of a CDI device"},
    {"group_add", &kTexts},
    {"healthcheck", &kHealthcheckRule},
    {"hostname", &kText},
    {"image", &kText},
    {"init", &kBool, Support::kNo, "use an image with an init of its own"},
    {"ipc", &kText},
    {"isolation", &kAny, Support::kNo, kNoField},
    {"label_file", &kAny, Support::kNo, "use labels"},
    {"labels", &kPairs},
    {"links", &kTexts},
    {"logging", &kLoggingRule},
    {"mac_address", &kText, Support::kNo, kNoField},
    {"mem_limit", &kBytes},
    {"mem_reservation", &kAny, Support::kNo, "use mem_limit"},
    {"mem_swappiness", &kAny, Support::kNo, kNoField},
    {"memswap_limit", &kBytes},
    {"models", &kAny, Support::kNo, kNoField},
    {"network_mode", &kText},
    {"networks", &kServiceNetworksRule},
    {"oom_kill_disable", &kAny, Support::kNo, kNoField},
    {"oom_score_adj", &kAny, Support::kNo, kNoField},
    {"pid", &kText},
    {"pids_limit", &kInteger},
    {"platform", &kText},
    {"ports", &kPortsRule},
    {"post_start", &kAny, Support::kNo, kNoField},
    {"pre_stop", &kAny, Support::kNo, kNoField},
    {"privileged", &kBool},
    {"profiles", &kTexts},
    {"provider", &kAny, Support::kNo, kNoField},
    {"pull_policy", &kText},
    {"pull_refresh_after", &kAny, Support::kNo, "use pull_policy"},
    {"read_only", &kBool},
    {"restart", &kText},
    {"runtime", &kText, Support::kNo, kNoField},
    {"scale", &kInteger},
    {"secrets", &kFileMountsRule},
    {"security_opt", &kTexts},
    {"shm_size", &kBytes, Support::kNo, "/dev/shm has 64 MiB; mount a tmpfs elsewhere"},
    {"stdin_open", &kBool},
    {"stop_grace_period", &kDuration},
    {"stop_signal", &kText},
    {"storage_opt", &kAny, Support::kNo, kNoField},
    {"sysctls", &kPairs},
    {"tmpfs", &kTexts},
    {"tty", &kBool},
    {"ulimits", &kAny, Support::kNo, "limits are those of the daemon"},
    {"use_api_socket", &kAny, Support::kNo, kNoField},
    {"user", &kText},
    {"userns_mode", &kText, Support::kNo, "local containers have no user namespaces"},
    {"uts", &kText, Support::kNo, kNoField},
    {"volumes", &kVolumesRule},
    {"volumes_from", &kTexts, Support::kNo, "give both services the same volumes"},
    {"working_dir", &kText},
};
constexpr Rule kService{Form::kObject, kServiceKeys};
constexpr Rule kServices{Form::kMapOf, {}, &kService};

constexpr Key kAddressPoolKeys[] = {
    {"subnet", &kText},
    {"gateway", &kText},
    {"ip_range", &kAny, Support::kNo, "use subnet"},
    {"aux_addresses", &kAny, Support::kNo, kNoField},
};
constexpr Rule kAddressPool{Form::kObject, kAddressPoolKeys};
constexpr Rule kAddressPools{Form::kListOf, {}, &kAddressPool};
constexpr Key kAddressKeys[] = {
    {"driver", &kText},
    {"config", &kAddressPools},
    {"options", &kAny, Support::kNo, kNoField},
};
constexpr Rule kAddresses{Form::kObject, kAddressKeys};
constexpr Key kNetworkKeys[] = {
    {"attachable", &kBool, Support::kCosmetic},
    {"driver", &kText},
    {"driver_opts", &kAny, Support::kNo, kNoField},
    {"enable_ipv4", &kBool, Support::kNo, kNoField},
    {"enable_ipv6", &kBool, Support::kNo, "give ipam.config a subnet of IPv6"},
    {"external", &kBool},
    {"internal", &kBool},
    {"ipam", &kAddresses},
    {"labels", &kPairs},
    {"name", &kText},
};
constexpr Rule kNetwork{Form::kObject, kNetworkKeys};
constexpr Rule kNetworks{Form::kMapOf, {}, &kNetwork};

constexpr Key kVolumeKeys[] = {
    {"driver", &kText},
    {"driver_opts", &kAny, Support::kNo, "volumes have no options; bind a path of the host"},
    {"external", &kBool},
    {"labels", &kPairs},
    {"name", &kText},
};
constexpr Rule kVolume{Form::kObject, kVolumeKeys};
constexpr Rule kVolumes{Form::kMapOf, {}, &kVolume};

// Secrets and configs.
constexpr Key kFileKeys[] = {
    {"content", &kText},
    {"driver", &kAny, Support::kNo, kSwarm},
    {"driver_opts", &kAny, Support::kNo, kSwarm},
    {"environment", &kText},
    {"external", &kBool, Support::kNo, "give it a file, an environment variable or a content"},
    {"file", &kPath},
    {"labels", &kAny, Support::kCosmetic},
    {"name", &kText},
    {"template_driver", &kAny, Support::kNo, kSwarm},
};
constexpr Rule kFile{Form::kObject, kFileKeys};
constexpr Rule kFiles{Form::kMapOf, {}, &kFile};

constexpr Key kIncludeKeys[] = {
    {"path", &kTexts},
    {"project_directory", &kText},
    {"env_file", &kTexts},
};
constexpr Rule kInclude{Form::kObject, kIncludeKeys, nullptr, ExpandInclude};
constexpr Rule kIncludes{Form::kListOf, {}, &kInclude};

constexpr Key kFileRuleKeys[] = {
    {"configs", &kFiles},
    {"include", &kIncludes},
    {"models", &kAny, Support::kNo, kNoField},
    {"name", &kText},
    {"networks", &kNetworks},
    {"secrets", &kFiles},
    {"services", &kServices},
    {"version", &kAny, Support::kCosmetic},
    {"volumes", &kVolumes},
};
constexpr Rule kWholeFile{Form::kObject, kFileRuleKeys};

}  // namespace

const Rule& FileRule() {
  return kWholeFile;
}

const Rule& ServiceRule() {
  return kService;
}

std::vector<std::string> NamesOf(std::span<const Key> keys) {
  std::vector<std::string> names;
  for (const Key& key : keys) names.emplace_back(key.name);
  return names;
}

}  // namespace davit::cli::compose
