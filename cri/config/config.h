// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's configuration: TOML files, every key of which is documented in deploy/config.toml.
#pragma once

#include <cstdint>
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

enum class CgroupDriver { kCgroupfs };

struct CgroupConfig {
  CgroupDriver driver = CgroupDriver::kCgroupfs;
  // A cgroup path from the root of each hierarchy. The shims, and pods that name no cgroup parent, are placed
  // below it.
  std::string root = "/";
};

struct BridgeSettings {
  std::string name = "davit0";
  std::vector<std::string> subnets = {"10.88.0.0/16", "fd00:88::/64"};  // at most one per address family
};

struct NetworkConfig {
  std::string conf_dir = "/etc/cni/net.d";
  std::vector<std::string> bin_dirs = {"/opt/cni/bin", "/usr/lib/cni"};
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

struct ImageSettings {
  std::vector<std::string> pinned;  // fnmatch(3) patterns of image references to report as pinned
  // Directory with images to load (images/preload/preloader.h). Empty: "preload" below the root.
  std::string preload_dir;
  // How long layers and partial blobs of a pull that did not end well stay for a retry; 0: not at all.
  int64_t keep_unfinished_ms = 24LL * 3600 * 1000;
  bool keep_blobs = false;  // keep the compressed layers of pulled images
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
