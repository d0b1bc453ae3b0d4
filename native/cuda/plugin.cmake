# The CUDA plugin, libtwofour_cuda.so beside the addon. It needs nvcc and the headers of cuBLASLt, cuSPARSELt and
# cuSPARSE (`npm run cuda:headers`, a toolkit that has them, or NVIDIA's Python wheels); nothing of CUDA at run time
# but what native/cuda/libraries.cc opens. TWOFOUR_CUDA is AUTO (where all of that is), ON (or fail) or OFF.
set(TWOFOUR_CUDA AUTO CACHE STRING "The CUDA plugin: AUTO, ON or OFF")
set(wanted ${TWOFOUR_CUDA})
if(NOT "$ENV{TWOFOUR_CUDA}" STREQUAL "")
  set(wanted $ENV{TWOFOUR_CUDA})
endif()
if(NOT wanted MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "Expected TWOFOUR_CUDA to be AUTO, ON or OFF, got '${wanted}'.")
endif()

# Says why there is no plugin; an error only where one was asked for.
macro(twofour_without_cuda sentence)
  if(wanted STREQUAL "ON")
    message(FATAL_ERROR "TWOFOUR_CUDA=ON: ${sentence}")
  endif()
  message(STATUS "CUDA plugin: not built. ${sentence}")
  return()
endmacro()

if(wanted STREQUAL "OFF")
  message(STATUS "CUDA plugin: not built. TWOFOUR_CUDA=OFF.")
  return()
endif()

file(GLOB kernels CONFIGURE_DEPENDS native/cuda/kernels/*.cu)
if(NOT kernels)
  twofour_without_cuda("native/cuda/kernels is empty.")
endif()

set(toolkits ${CUDAToolkit_ROOT} $ENV{CUDAToolkit_ROOT} $ENV{CUDA_PATH} $ENV{CUDA_HOME} /usr/local/cuda)
if(NOT CMAKE_CUDA_COMPILER AND "$ENV{CUDACXX}" STREQUAL "")
  find_program(TWOFOUR_NVCC nvcc HINTS ${toolkits} PATH_SUFFIXES bin)
  if(NOT TWOFOUR_NVCC)
    twofour_without_cuda("nvcc was not found: put it on PATH, or name its toolkit in CUDA_PATH.")
  endif()
  set(CMAKE_CUDA_COMPILER ${TWOFOUR_NVCC})
endif()

# Headers first: to try the compiler takes ten seconds.
set(wheels)
foreach(environment IN ITEMS "$ENV{VIRTUAL_ENV}" "$ENV{CONDA_PREFIX}")
  if(environment)
    file(GLOB found ${environment}/lib/python3*/site-packages/nvidia/*)
    list(APPEND wheels ${found})
  endif()
endforeach()
set(missing)
function(twofour_find_header variable header)
  find_path(${variable} ${header}
    HINTS ${CMAKE_SOURCE_DIR}/build/cuda-headers ${ARGN} ${toolkits} ${wheels} PATH_SUFFIXES include NO_CACHE)
  if(NOT ${variable})
    set(missing ${missing} ${header} PARENT_SCOPE)
  endif()
  set(${variable} ${${variable}} PARENT_SCOPE)
endfunction()
twofour_find_header(cublaslt_include cublasLt.h $ENV{CUBLAS_ROOT})
twofour_find_header(cusparselt_include cusparseLt.h $ENV{CUSPARSELT_ROOT})
twofour_find_header(cusparse_include cusparse.h $ENV{CUSPARSE_ROOT})
if(missing)
  list(JOIN missing ", " missing)
  twofour_without_cuda("nvcc is here, but not ${missing}: `npm run cuda:headers` fetches them.")
endif()

# Machine code for what most people have, and PTX of 9.0, which the driver compiles for newer cards: PTX of 9.0a
# would serve that one card only, and PTX of a newer card would leave out those between.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 86-real 89-real 90a-real 90-virtual)
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
enable_language(CUDA)

file(GLOB sources CONFIGURE_DEPENDS native/cuda/*.cc native/backend/*.cc native/base/*.cc)
add_library(twofour_cuda MODULE ${sources} ${kernels})
set_target_properties(twofour_cuda PROPERTIES PREFIX lib SUFFIX .so
  CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON CUDA_VISIBILITY_PRESET hidden)
target_include_directories(twofour_cuda PRIVATE native native/cuda/device)
target_include_directories(twofour_cuda SYSTEM PRIVATE
  ${cublaslt_include} ${cusparselt_include} ${cusparse_include} ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
target_compile_definitions(twofour_cuda PRIVATE TWOFOUR_EMULATED=false)
target_link_libraries(twofour_cuda PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
target_link_options(twofour_cuda PRIVATE -Wl,--no-undefined)
# Not -Wpedantic in kernels: nvcc writes line directives that it objects to.
target_compile_options(twofour_cuda PRIVATE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic> $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>)
if(TWOFOUR_WERROR)
  target_compile_options(twofour_cuda PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Werror> $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xcompiler=-Werror>)
endif()
twofour_seal(twofour_cuda ${CMAKE_CURRENT_SOURCE_DIR}/native/cuda/exports.map)
message(STATUS "CUDA plugin: ${CMAKE_CUDA_COMPILER}, headers in ${cublaslt_include}")
