// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How an exec or an attach ended, as it is reported on the error channel.
#pragma once

#include <string>

#include "base/error.h"

namespace davit::streaming {

struct StreamEnd {
  bool success = true;
  int exit_code = 0;    // of a command that ended by itself
  std::string message;  // of any other failure

  static StreamEnd Exited(int code);
  static StreamEnd Failed(const std::string& message);
};

// Returns a metav1.Status (k8s.io/apimachinery) in JSON from protocol version 4 on, in earlier versions the
// text of a failure; "" if nothing is to be sent.
std::string EncodeStreamEnd(const StreamEnd& end, int version);

}  // namespace davit::streaming
