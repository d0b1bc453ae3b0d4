# The stand-in for the CUDA runtime, cuBLASLt and cuSPARSELt, in emulated/ of the output folder. Needs NVIDIA's headers
# (`npm run cuda:headers`, a toolkit, or the wheels), and nothing else of CUDA.
if(NOT CMAKE_LIBRARY_OUTPUT_DIRECTORY)
  set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endif()
set(emulated ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/emulated)

set(cuda_includes)
foreach(header IN ITEMS cuda_runtime_api.h cublasLt.h cusparseLt.h cusparse.h)
  find_path(found_${header} ${header} NO_CACHE PATH_SUFFIXES include
    HINTS ${CUDA_HEADERS} $ENV{CUDA_HEADERS} ${CMAKE_CURRENT_LIST_DIR}/../../build/cuda-headers /usr/local/cuda)
  if(NOT found_${header})
    message(FATAL_ERROR "${header} was not found: `npm run cuda:headers` fetches it, or name folders in CUDA_HEADERS.")
  endif()
  list(APPEND cuda_includes ${found_${header}})
endforeach()
list(REMOVE_DUPLICATES cuda_includes)

function(twofour_stand_in target)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/..)
  target_include_directories(${target} SYSTEM PRIVATE ${cuda_includes})
endfunction()

# A shared object that exports what its map names. Node exports a libstdc++ of its own, so these bring theirs, as the
# real libraries do; only plain C crosses between them.
function(twofour_stand_in_library target name version map)
  twofour_stand_in(${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} CXX_VISIBILITY_PRESET default
    LIBRARY_OUTPUT_DIRECTORY ${emulated} BUILD_RPATH "$ORIGIN" LINK_DEPENDS ${map})
  if(NOT version STREQUAL "")
    set_target_properties(${target} PROPERTIES VERSION ${version} SOVERSION ${version})
  endif()
  target_link_options(${target} PRIVATE -Wl,--version-script=${map})
  if(NOT SANITIZE)
    target_link_options(${target} PRIVATE -Wl,--no-undefined -static-libstdc++ -static-libgcc)
  endif()
endfunction()

find_package(Threads REQUIRED)
file(GLOB runtime_sources CONFIGURE_DEPENDS runtime/*.cc)
list(FILTER runtime_sources EXCLUDE REGEX /enqueue\\.cc$)
add_library(cudart_emulated SHARED ${runtime_sources})
twofour_stand_in_library(cudart_emulated cudart_emulated "" ${CMAKE_CURRENT_SOURCE_DIR}/runtime/exports.map)
target_link_libraries(cudart_emulated PRIVATE Threads::Threads)

# How C++ code queues work: linked into whoever does.
add_library(emulation_enqueue STATIC runtime/enqueue.cc)
twofour_stand_in(emulation_enqueue)
target_link_libraries(emulation_enqueue PUBLIC cudart_emulated)

set(products libraries/elements.cc libraries/product.cc)
set_source_files_properties(${products} PROPERTIES COMPILE_OPTIONS "-O3;-Wno-psabi")
function(twofour_emulated_library target name version)
  file(GLOB sources CONFIGURE_DEPENDS libraries/${target}*.cc)
  add_library(${target}_emulated SHARED ${sources} ${products})
  twofour_stand_in_library(${target}_emulated ${name} ${version} ${CMAKE_CURRENT_SOURCE_DIR}/libraries/${target}.map)
  target_link_libraries(${target}_emulated PRIVATE emulation_enqueue cudart_emulated Threads::Threads)
endfunction()
twofour_emulated_library(cublaslt cublasLt 13)
twofour_emulated_library(cusparselt cusparseLt 0)

file(GLOB stand_in_sources CONFIGURE_DEPENDS tests/stand_in/*.cc)
add_executable(stand_in_test tests/stand_in_test.cc ${stand_in_sources} libraries/elements.cc)
twofour_stand_in(stand_in_test)
target_link_libraries(stand_in_test PRIVATE emulation_enqueue cudart_emulated Threads::Threads ${CMAKE_DL_LIBS})
set_target_properties(stand_in_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${emulated} BUILD_RPATH "$ORIGIN")
enable_testing()
# It opens these by their names.
add_dependencies(stand_in_test cublaslt_emulated cusparselt_emulated)
add_test(NAME stand_in_test COMMAND stand_in_test)
