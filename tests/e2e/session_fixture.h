// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The fixture of the tests of sessions.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/client/command.h"
#include "tests/e2e/at_pty.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {

inline constexpr char kDetach[] = "\x10\x11";

// The arguments of a davit that talks to the daemon.
inline std::vector<std::string> DavitAt(const Instance& instance, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {DAVIT_BUILD_BIN_DIR "/davit", "--address", "unix://" + instance.socket()});
  return arguments;
}

// Runs a shell line in which $DAVIT is the command.
inline client::CommandOutcome RunShell(const Instance& instance, const std::string& line) {
  std::string davit = DAVIT_BUILD_BIN_DIR "/davit --address unix://" + instance.socket();
  return client::Run({"/bin/bash", "-c", "DAVIT=\"" + davit + "\"; " + line});
}

class Sessions : public PodTest {
 protected:
  void SetUp() override { id_ = RunIdle(); }

  std::unique_ptr<AtPty> AtTerminal(std::vector<std::string> arguments) {
    return std::make_unique<AtPty>(DavitAt(instance(), std::move(arguments)));
  }
  // At a shell in the container.
  std::unique_ptr<AtPty> AtShell() {
    auto person = AtTerminal({"exec", "-it", id_, "sh"});
    person->WaitFor("# ");
    return person;
  }
  // How many processes run the container's `sleep` with this argument.
  std::string Sleepers(const std::string& seconds) {
    return Shell(id_, "ps | grep -c '[s]leep " + seconds + "' || true");
  }

  std::string id_;
};

}  // namespace davit::e2e
