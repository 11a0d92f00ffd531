// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Container log files as CRI describes them (the kubelet's own parser is k8s.io/cri-client/pkg/logs).
#pragma once

#include <string>
#include <vector>

namespace davit::e2e {

struct LogLine {
  std::string time;      // RFC 3339 with nanoseconds
  std::string stream;    // "stdout" or "stderr"
  bool partial = false;  // tag P: no newline ends it here; the stream's next line, if any, continues it
  std::string content;
};

// Throws if the file does not exist or a line does not have the form "TIME STREAM TAG CONTENT".
std::vector<LogLine> ReadLog(const std::string& path);

// Counts the complete lines of a log that is being written and may end in the middle of a line. Throws if the
// file does not exist.
size_t CountLines(const std::string& path);

}  // namespace davit::e2e
