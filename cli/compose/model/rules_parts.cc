// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The parts of services that are more than one value.
#include "cli/compose/model/rule_forms.h"
#include "cli/compose/model/short_forms.h"

namespace davit::cli::compose {
namespace {

std::string PathOf(const Value& item) {
  return item.TextOf("path");
}
std::string TargetOf(const Value& item) {
  return item.TextOf("target");
}
std::string FileTargetOf(const Value& item) {
  std::string target = item.TextOf("target");
  return target.empty() ? item.TextOf("source") : target;
}
std::string PortOf(const Value& item) {
  return item.TextOf("host_ip") + " " + item.TextOf("published") + " " + item.TextOf("target") + "/" +
         item.TextOf("protocol");
}

constexpr Key kBuildKeys[] = {
    {"additional_contexts", &kPairs},
    {"args", &kPairs},
    {"cache_from", &kTexts, Support::kCosmetic},
    {"cache_to", &kTexts, Support::kCosmetic},
    {"context", &kText},
    {"dockerfile", &kText},
    {"dockerfile_inline", &kText, Support::kNo, "put it into a file"},
    {"entitlements", &kAny, Support::kNo, "remove it"},
    {"extra_hosts", &kAny, Support::kNo, "remove it"},
    {"isolation", &kAny, Support::kNo, "remove it"},
    {"labels", &kPairs, Support::kNo, "use LABEL in the Dockerfile"},
    {"network", &kText, Support::kNo, "remove it"},
    {"no_cache", &kBool},
    {"platforms", &kTexts, Support::kNo, "images are built for the platform of the host"},
    {"privileged", &kBool, Support::kNo, "remove it"},
    {"provenance", &kAny, Support::kCosmetic},
    {"pull", &kBool},
    {"sbom", &kAny, Support::kCosmetic},
    {"secrets", &kAny, Support::kNo, "remove it"},
    {"shm_size", &kBytes, Support::kNo, "remove it"},
    {"ssh", &kAny, Support::kNo, "remove it"},
    {"tags", &kTexts},
    {"target", &kText},
    {"ulimits", &kAny, Support::kNo, "remove it"},
};

constexpr Key kLimitKeys[] = {{"cpus", &kNumber}, {"memory", &kBytes}, {"pids", &kInteger}};
constexpr Rule kLimits{Form::kObject, kLimitKeys};
constexpr Key kResourceKeys[] = {
    {"limits", &kLimits},
    {"reservations", &kAny, Support::kCosmetic},
};
constexpr Rule kResources{Form::kObject, kResourceKeys};
constexpr Key kRestartKeys[] = {
    {"condition", &kText},
    {"delay", &kDuration, Support::kCosmetic},
    {"max_attempts", &kInteger},
    {"window", &kDuration, Support::kCosmetic},
};
constexpr Rule kRestart{Form::kObject, kRestartKeys};
constexpr Key kDeployKeys[] = {
    {"endpoint_mode", &kText, Support::kCosmetic},
    {"labels", &kPairs, Support::kCosmetic},
    {"mode", &kText, Support::kNo, kSwarm},
    {"placement", &kAny, Support::kCosmetic},
    {"replicas", &kInteger},
    {"resources", &kResources},
    {"restart_policy", &kRestart},
    {"rollback_config", &kAny, Support::kCosmetic},
    {"update_config", &kAny, Support::kCosmetic},
};

constexpr Key kHealthcheckKeys[] = {
    {"disable", &kBool},          {"interval", &kDuration},
    {"retries", &kInteger},       {"start_interval", &kDuration},
    {"start_period", &kDuration}, {"test", &kTest},
    {"timeout", &kDuration},
};

constexpr Key kLoggingKeys[] = {{"driver", &kText}, {"options", &kPairs}};

constexpr Key kDependencyKeys[] = {
    {"condition", &kText},
    {"required", &kBool},
    {"restart", &kBool},
};
constexpr Rule kDependency{Form::kObject, kDependencyKeys};

constexpr Key kServiceNetworkKeys[] = {
    {"aliases", &kTexts},
    {"driver_opts", &kAny, Support::kNo, "remove it"},
    {"gw_priority", &kAny, Support::kNo, "a container has one network"},
    {"interface_name", &kAny, Support::kNo, "remove it"},
    {"ipv4_address", &kText},
    {"ipv6_address", &kText},
    {"link_local_ips", &kAny, Support::kNo, "remove it"},
    {"mac_address", &kAny, Support::kNo, "remove it"},
    {"priority", &kInteger, Support::kCosmetic},
};
constexpr Rule kServiceNetwork{Form::kObject, kServiceNetworkKeys};

constexpr Key kPortKeys[] = {
    {"app_protocol", &kText, Support::kCosmetic},
    {"host_ip", &kText},
    {"mode", &kText},
    {"name", &kText, Support::kCosmetic},
    {"protocol", &kText},
    {"published", &kText},
    {"target", &kInteger},
};
constexpr Rule kPort{Form::kObject, kPortKeys, nullptr, ExpandPort};

constexpr Key kBindKeys[] = {
    {"create_host_path", &kBool},
    {"propagation", &kText, Support::kNo, "remove it"},
    {"recursive", &kText, Support::kNo, "remove it"},
    {"selinux", &kText, Support::kNo, "label the files at the host"},
};
constexpr Rule kBind{Form::kObject, kBindKeys};
constexpr Key kOfVolumeKeys[] = {
    {"labels", &kPairs, Support::kNo, "use labels of the volume"},
    {"nocopy", &kBool},
    {"subpath", &kText, Support::kNo, "mount the whole volume"},
};
constexpr Rule kOfVolume{Form::kObject, kOfVolumeKeys};
constexpr Key kTmpfsKeys[] = {{"mode", &kInteger}, {"size", &kBytes}};
constexpr Rule kTmpfs{Form::kObject, kTmpfsKeys};
constexpr Key kVolumeKeys[] = {
    {"bind", &kBind},
    {"consistency", &kText, Support::kCosmetic},
    {"image", &kAny, Support::kNo, "use bind, volume or tmpfs"},
    {"read_only", &kBool},
    {"source", &kText},
    {"target", &kText},
    {"tmpfs", &kTmpfs},
    {"type", &kText},
    {"volume", &kOfVolume},
};
constexpr Rule kVolume{Form::kObject, kVolumeKeys, nullptr, ExpandVolume};

constexpr Key kFileMountKeys[] = {
    {"gid", &kText, Support::kNo, "the file belongs to root; mode says who reads it"},
    {"mode", &kText},
    {"source", &kText},
    {"target", &kText},
    {"uid", &kText, Support::kNo, "the file belongs to root; mode says who reads it"},
};
constexpr Rule kFileMount{Form::kObject, kFileMountKeys, nullptr, ExpandFileMount};

constexpr Key kDeviceKeys[] = {
    {"permissions", &kText},
    {"source", &kText},
    {"target", &kText},
};
constexpr Rule kDevice{Form::kObject, kDeviceKeys, nullptr, ExpandDevice};

constexpr Key kEnvFileKeys[] = {{"format", &kText}, {"path", &kPath}, {"required", &kBool}};
constexpr Rule kEnvFile{Form::kObject, kEnvFileKeys, nullptr, ExpandEnvFile};

constexpr Key kExtendsKeys[] = {{"file", &kText}, {"service", &kText}};

}  // namespace

constexpr Rule kBuildRule{Form::kObject, kBuildKeys, nullptr, ExpandBuild};
constexpr Rule kDeployRule{Form::kObject, kDeployKeys};
constexpr Rule kHealthcheckRule{Form::kObject, kHealthcheckKeys};
constexpr Rule kLoggingRule{Form::kObject, kLoggingKeys};
constexpr Rule kDependsOnRule{Form::kMapOf, {}, &kDependency, ExpandDependsOn};
constexpr Rule kServiceNetworksRule{Form::kMapOf, {}, &kServiceNetwork, ExpandNetworks};
constexpr Rule kPortsRule{Form::kListOf, {}, &kPort, nullptr, PortOf};
constexpr Rule kVolumesRule{Form::kListOf, {}, &kVolume, nullptr, TargetOf};
constexpr Rule kFileMountsRule{Form::kListOf, {}, &kFileMount, nullptr, FileTargetOf};
constexpr Rule kDevicesRule{Form::kListOf, {}, &kDevice, nullptr, TargetOf};
constexpr Rule kEnvFilesRule{Form::kListOf, {}, &kEnvFile, nullptr, PathOf};
constexpr Rule kExtendsRule{Form::kObject, kExtendsKeys, nullptr, ExpandExtends};

}  // namespace davit::cli::compose
