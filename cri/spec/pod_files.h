// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// /etc/hosts, /etc/hostname and /etc/resolv.conf of a pod's containers.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"

namespace davit::cri {

// Their paths on the host, under state/sandboxes/<id>/.
struct PodFiles {
  std::string hosts;
  std::string resolv_conf;
  std::string hostname;
};

struct PodFileContents {
  std::string hosts;
  std::string resolv_conf;
  std::string hostname;
};

// `addresses` are the pod's own. A pod on the host's network gets the host's /etc/hosts, and a pod without
// DNS configuration gets the host's /etc/resolv.conf.
Result<PodFileContents> RenderPodFiles(const ::runtime::v1::PodSandboxConfig& config,
                                       const std::vector<std::string>& addresses);

// hosts(5): the loopback names, then each address with the pod's name.
std::string HostsFile(const std::string& hostname, const std::vector<std::string>& addresses);

// resolv.conf(5). kInvalidArgument for a server that is not an address, and for entries that are empty or
// contain white space.
Result<std::string> ResolvConf(const ::runtime::v1::DNSConfig& dns);

}  // namespace davit::cri
