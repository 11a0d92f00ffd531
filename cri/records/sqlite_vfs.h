// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How SQLite uses files here (https://sqlite.org/vfs.html).
#pragma once

namespace davit::sqlite {

// The name of SQLite's own VFS with one difference: a database file never shrinks. After a checkpoint SQLite
// truncates the file to the pages in use, which would give back the blocks that are reserved behind them
// (room.h). No page is lost: the file's header says how many are in use. Thread-safe.
const char* NeverShrinkingVfs();

}  // namespace davit::sqlite
