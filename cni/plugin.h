// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pod networks made by other people's programs: a chain of plugins as the Container Network Interface
// describes it (https://github.com/containernetworking/cni/blob/v1.1.2/SPEC.md).
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

namespace davit {

struct PluginPod {
  std::string id;
  std::string netns_path;  // a plugin needs a path: see netns_pin.h. Empty for a Delete when it is gone.
  std::vector<PortMapping> ports;
  std::vector<std::pair<std::string, std::string>> args;  // CNI_ARGS: K8S_POD_NAMESPACE, K8S_POD_NAME...
};

struct PluginAttachment {
  std::vector<IpAddress> addresses;  // IPv4 first
  std::string result;                // JSON, for Delete: the caller keeps it in its records
};

// What came of a plugin's DEL that did not succeed.
enum class DeleteTrouble : uint8_t {
  kCannotRun,  // no directory has the program, or the kernel cannot start it: it is not installed any more
  kRefused,    // it ran and answered with an error
  kNoAnswer,   // it asks for a later attempt, took too long, or this host could not start it now
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
    int interrupt_fd = -1;    // the caller's; while it is readable, programs are killed: kCancelled
  };

  // kNotFound when there is no configuration.
  static Result<PluginNetwork> Load(const Options& options);

  // The network that `text` described when it was in `file`, whatever is there now.
  static Result<PluginNetwork> Restore(const Options& options, const std::string& file,
                                       const std::string& text);

  const PluginList& list() const { return list_; }

  // Undoes itself on failure, as far as the plugins can. An argument with a ';' is kInvalidArgument, for
  // CNI_ARGS knows no quoting.
  Result<PluginAttachment> Add(const PluginPod& pod) const;

  // Runs the chain backwards, to its end whatever fails, and gives the failures in that order. `result` is
  // what Add gave, or empty when there was none. Idempotent if the plugins are.
  std::vector<FailedDelete> Delete(const PluginPod& pod, const std::string& result) const;

  // Lets the plugins take away what they still hold for other pods than these: GC, from version 1.1 on,
  // unless the configuration has disableGC. No pod may come or go meanwhile.
  Result<> Collect(const std::vector<std::string>& live_pods) const;

  // Whether a pod could get a network: the programs are there, and, from version 1.1 on, say so themselves
  // (STATUS).
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

}  // namespace davit
