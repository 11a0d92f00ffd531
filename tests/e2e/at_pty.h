// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A program at a terminal of its own, and the person in front of it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace davit::e2e {

class AtPty {
 public:
  // Starts the program (an absolute path and its arguments) in a session of its own, whose terminal has 24
  // rows and 80 columns. The terminal is of a devpts of its own: not every host on which this runs (a chroot)
  // has one. Throws if that fails.
  explicit AtPty(const std::vector<std::string>& arguments);
  // Kills the program if it still runs.
  ~AtPty();
  AtPty(const AtPty&) = delete;
  AtPty& operator=(const AtPty&) = delete;

  pid_t pid() const { return pid_; }
  void Type(const std::string& keys);
  // Waits until the screen shows `text`, and returns all that it has shown so far. Fails the test after 20 s.
  std::string WaitFor(const std::string& text);
  void Resize(int rows, int columns);
  // Whether the terminal passes every key on.
  bool IsRaw() const;
  // Waits until it is, or is not.
  bool BecomesRaw(bool raw) const;
  void Signal(int signo) const;
  // Waits until the program has stopped (SIGSTOP).
  bool Stops();
  // Waits for the program's end, and returns its exit status, or minus the number of the signal that has
  // killed it. Fails the test after 20 s.
  int Wait();
  const std::string& screen() const { return screen_; }

 private:
  bool ReadMore(int timeout_ms);

  UniqueFd keyboard_;  // the controller
  UniqueFd peer_;      // kept open, to look at the settings after the program's end
  pid_t pid_ = -1;
  std::string screen_;
};

}  // namespace davit::e2e
