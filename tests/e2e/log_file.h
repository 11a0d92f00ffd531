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

// Throws when the file is not there or a line does not have the form "TIME STREAM TAG CONTENT".
std::vector<LogLine> ReadLog(const std::string& path);

// Of a log that is being written, and may end in the middle of a line: how many are complete. Throws when the
// file is not there.
size_t CountLines(const std::string& path);

}  // namespace davit::e2e
