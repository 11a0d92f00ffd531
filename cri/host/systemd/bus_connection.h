// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One connection to systemd's manager.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "cri/host/systemd/bus_message.h"

namespace davit::cri {

struct BusAddress {
  std::string address;  // as in the D-Bus specification: "unix:path=/run/systemd/private"
  bool is_bus = false;  // a bus daemon is there, not systemd itself
};

// For one thread. No function waits.
class BusConnection {
 public:
  // Gets the version for the method kVersion, "" otherwise. Runs in Process, or in the destructor with
  // kUnavailable.
  using Done = std::function<void(Result<std::string>)>;
  static constexpr char kVersion[] = "Version";

  // Connects to the first address that accepts. The connection is set up in Process; calls may be sent
  // before. Process calls `on_heard` for each message of systemd's, before anything follows from it.
  static Result<std::unique_ptr<BusConnection>> Open(const std::vector<BusAddress>& addresses,
                                                     const std::function<void()>& on_heard);
  ~BusConnection();
  BusConnection(const BusConnection&) = delete;
  BusConnection& operator=(const BusConnection&) = delete;

  // `done` follows the answer. If the answer names a job, it follows the end of the job.
  Result<> Send(const ManagerCall& call, Done done);

  // Reads and writes as much as is possible. After an error the object is of no use any more.
  Result<> Process();

  // What Process waits for: events of poll(2), and an absolute time in microseconds of CLOCK_MONOTONIC,
  // UINT64_MAX if there is none.
  int fd() const { return sd_bus_get_fd(bus_.get()); }
  short events() const;
  uint64_t deadline_us() const;

 private:
  struct Pending {
    BusConnection* connection;
    std::string method;
    std::string unit;
    Done done;
    std::string job;     // empty: not answered yet
    std::string sender;  // of the answer; empty without a bus
  };
  struct BusUnref {
    void operator()(sd_bus* bus) const {
      sd_bus_close(bus);
      sd_bus_unref(bus);
    }
  };

  explicit BusConnection(std::function<void()> on_heard) : on_heard_(std::move(on_heard)) {}
  Result<> Connect(const BusAddress& address);
  Result<> AskForSignals(const BusAddress& address);
  void OnAnswer(Pending& pending, sd_bus_message* answer);
  void OnJobRemoved(sd_bus_message* signal);
  void OnOwnerChanged(sd_bus_message* signal);
  void Finish(Pending& pending, Result<std::string> outcome);

  std::unique_ptr<sd_bus, BusUnref> bus_;
  std::unordered_map<Pending*, std::unique_ptr<Pending>> pending_;
  std::function<void()> on_heard_;
  bool restarted_ = false;  // systemd has another name on the bus
};

}  // namespace davit::cri
