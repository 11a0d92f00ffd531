// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pod networks made by external programs: a chain of plugins as specified by the Container Network Interface
// (https://github.com/containernetworking/cni/blob/v1.1.2/SPEC.md).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/run_program.h"
#include "cni/host_ports.h"
#include "cni/plugin_config.h"
#include "cni/subnet.h"

namespace davit::cni {

struct PluginPod {
  std::string id;
  std::string netns_path;  // see netns_pin.h; empty for a Delete if the namespace is gone
  std::vector<PortMapping> ports;
  std::vector<std::pair<std::string, std::string>> args;  // CNI_ARGS: K8S_POD_NAMESPACE, K8S_POD_NAME...
};

struct PluginAttachment {
  std::vector<IpAddress> addresses;  // IPv4 first
  std::string result;                // JSON, for Delete; the caller keeps it in its records
};

// Why a plugin's DEL did not succeed.
enum class DeleteTrouble : uint8_t {
  kCannotRun,  // not in bin_dirs, or the kernel cannot execute it: it is no longer installed
  kRefused,    // it ran and failed
  kNoAnswer,   // it asks for a later attempt, was killed (timeout, interrupt), or could not be started now
};

struct FailedDelete {
  PluginConfig plugin;
  DeleteTrouble trouble = DeleteTrouble::kRefused;
  Error error;
};

// Stateless and thread-safe. Each call runs the chain's programs one after the other and waits for them.
class PluginNetwork {
 public:
  struct Options {
    std::string conf_dir = "/etc/cni/net.d";
    std::vector<std::string> bin_dirs = {"/opt/cni/bin"};
    int timeout_ms = 60'000;  // for each program; then it is killed
    int interrupt_fd = -1;    // owned by the caller; programs are killed if it becomes readable: kCancelled
  };

  // kNotFound if there is no configuration; kInvalidArgument if it is malformed.
  static Result<PluginNetwork> Load(const Options& options);

  // The network of `text`, the recorded content of `file`; the file itself is not read.
  static Result<PluginNetwork> Restore(const Options& options, const std::string& file,
                                       const std::string& text);

  const PluginList& list() const { return list_; }

  // Undoes its steps on failure, as far as the plugins can. An argument with a ';' is kInvalidArgument,
  // because CNI_ARGS has no quoting.
  Result<PluginAttachment> Add(const PluginPod& pod) const;

  // Runs the chain in reverse order, continues after failures, and returns the failures in that order.
  // `result` is the result of Add, or empty if there was none. Idempotent if the plugins are.
  std::vector<FailedDelete> Delete(const PluginPod& pod, const std::string& result) const;

  // Makes the plugins release what they still hold for pods other than these (GC). No-op before version 1.1
  // or if the configuration sets disableGC. No pod may be added or deleted meanwhile.
  Result<> Collect(const std::vector<std::string>& live_pods) const;

  // Succeeds if a pod could get a network: the programs exist and, from version 1.1 on, report that they are
  // ready (STATUS).
  Result<> Check() const;

 private:
  PluginNetwork(Options options, PluginList list) : options_(std::move(options)), list_(std::move(list)) {}

  Result<std::string> FindProgram(const std::string& type) const;
  Result<ProgramOutcome> Run(const PluginConfig& plugin, const std::string& command, const PluginPod& pod,
                             const std::string& input) const;
  Result<std::string> Call(const PluginConfig& plugin, const std::string& command, const PluginPod& pod,
                           const std::string& input) const;
  std::vector<std::string> Environment(const std::string& command, const PluginPod& pod) const;
  void Undo(const PluginPod& pod, const std::string& result, Error& error) const;

  Options options_;
  PluginList list_;
};

}  // namespace davit::cni
