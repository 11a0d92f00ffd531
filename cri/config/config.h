// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's configuration: TOML files, every key of which is documented in deploy/config.toml.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cri/config/handlers.h"
#include "cri/config/ulimits.h"

namespace davit::cri {

inline constexpr char kDefaultConfigFile[] = "/etc/davit/config.toml";

struct RegistryConfig {
  // Directory of <host>/hosts.toml files. Empty: /etc/davit/certs.d if it exists, else
  // /etc/containerd/certs.d.
  std::string config_path;
};

enum class CgroupDriverChoice : uint8_t {
  kAuto,  // systemd where it is PID 1 and cgroup v2 is the only version, cgroupfs elsewhere
  kCgroupfs,
  kSystemd,
};

struct CgroupConfig {
  CgroupDriverChoice driver = CgroupDriverChoice::kCgroupfs;
  // A cgroup path from the root of each hierarchy. The shims, and pods that name no cgroup parent, are placed
  // below it. With systemd, it is "/" or a slice.
  std::string root = "/";
  // With systemd, a container's scope is PREFIX-ID.scope.
  std::string scope_prefix = "davit";
};

struct BridgeSettings {
  std::string name = "davit0";
  std::vector<std::string> subnets = {"10.88.0.0/16", "fd00:88::/64"};  // at most one per address family
  bool subnets_set = false;  // false: these defaults, or what the former default would be (NodeNetwork)
  bool masquerade = true;    // connections of pods to the outside get the host's address
  std::vector<std::string> no_masquerade;  // except those to these networks
  int64_t mtu = 1500;          // of the bridge and the pods; with follow_uplink, without an uplink
  bool follow_uplink = false;  // mtu = "auto": that of the default route's interface
  bool pod_cidr = false;       // the subnets are the node's pod CIDR, which the kubelet sends, not `subnets`
};

enum class NetworkMode : uint8_t {
  kBridge,   // the built-in bridge
  kPlugins,  // "cni": the plugins of a configuration in conf_dir
};

struct NetworkConfig {
  // Unset: the bridge, as long as conf_dir has no valid configuration.
  std::optional<NetworkMode> mode;
  std::string conf_dir = "/etc/cni/net.d";
  std::vector<std::string> bin_dirs = {"/opt/cni/bin", "/usr/lib/cni"};
  std::string cache_dir = "/var/lib/cni";  // of libcni's result cache
  BridgeSettings bridge;
  // Defaults for pods with their own network namespace; the pod's own sysctls override them.
  bool unprivileged_ports = true;  // net.ipv4.ip_unprivileged_port_start = 0
  bool unprivileged_icmp = true;   // net.ipv4.ping_group_range = "0 2147483647"; not in user namespaces
};

struct ContainerSettings {
  std::vector<Ulimit> default_ulimits;  // override the built-in ones (cri/spec/rlimits.h)
};

// The HTTP server of exec, attach and port-forward.
struct StreamingConfig {
  std::string address = "127.0.0.1:0";  // numeric host; port 0: any free port
  int64_t idle_timeout_ms = 4LL * 3600 * 1000;
  int64_t creation_timeout_ms = 30'000;
  std::string tls_cert_file;  // both empty: HTTP without TLS
  std::string tls_key_file;
};

struct CdiConfig {
  std::vector<std::string> spec_dirs = {"/etc/cdi", "/var/run/cdi"};  // later ones override earlier ones
};

struct SeccompSettings {
  bool allow_socketcall = false;  // RuntimeDefault allows socketcall(2), for 32-bit programs
};

// As containerd's plugin io.containerd.image-verifier.v1.bindir.
struct VerifierSettings {
  std::string bin_dir;     // empty: images are not verified
  int max_verifiers = 10;  // negative: no limit
  int64_t per_verifier_timeout_ms = 10'000;
};

struct ImageSettings {
  std::vector<std::string> pinned;  // fnmatch(3) patterns of image references to report as pinned
  // Directory with images to load (images/preload/preloader.h). Empty: "preload" below the root.
  std::string preload_dir;
  // How long layers and partial blobs of a pull that did not end well stay for a retry; 0: not at all.
  int64_t keep_unfinished_ms = 24LL * 3600 * 1000;
  bool keep_blobs = false;  // keep the compressed layers of pulled images
  // Bytes per second that a host must send or take over half a minute: the least, and while another host was
  // not asked yet (ImageStore::Config). 0: any speed will do.
  int64_t min_speed = 1024;
  int64_t fair_speed = 64 << 10;
  VerifierSettings verifier;
};

struct Config {
  std::string root = "/var/lib/davit";
  std::string state = "/run/davit";
  std::string listen = "unix:///run/davit/davit.sock";
  LogLevel log_level = LogLevel::kInfo;
  RegistryConfig registry;
  CgroupConfig cgroup;
  NetworkConfig network;
  StreamingConfig streaming;
  CdiConfig cdi;
  SeccompSettings seccomp;
  ImageSettings image;
  HandlerTable handlers;
  ContainerSettings container;
};

enum class MissingFile {
  kIsEmpty,  // the default path: the file is optional
  kIsError,  // a path given by --config
};

// Reads `file`, then the *.toml files of the directory `config.d` beside it, in lexical order. A later
// setting of a key replaces an earlier one, lists included; a key that no file sets keeps its default.
// Unknown keys, wrong types and invalid values are kInvalidArgument with "FILE:LINE" as subject and the key
// in the context.
Result<Config> LoadConfig(const std::string& file, MissingFile missing);

// Sets one string key with the same checks, for command-line flags such as --root. `flag` is the subject of
// the error.
Result<> OverrideConfig(Config& config, std::string_view key, const std::string& value,
                        std::string_view flag);

// The directory of <host>/hosts.toml files: `config_path`, or its default if it is empty.
std::string RegistryConfigPath(const RegistryConfig& config);

// The file system path in `listen`.
std::string SocketPath(const Config& config);

// Every key that a file may set, as "table.key". NAME stands for the name of a handler.
std::vector<std::string> ConfigKeys();

}  // namespace davit::cri
